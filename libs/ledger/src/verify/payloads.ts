import { TILE_WIDTH } from '@powernode/tlog'
import type { Findings } from '../damage.ts'
import { EntryFlaw, type EntryGlance } from '../entry.ts'
import { holdsPayload, parsePayloadLines, payloadsPath, type PayloadLine } from '../payload-lines.ts'
import type { Segment } from './segments.ts'

/**
 * Compares what stands beside entries with what the entries say of it. That something is absent is no damage: it may have
 * been erased, and the entry about the erasure says so.
 */
export function checkPayloads(
  { position, payloads }: Segment,
  glances: readonly (EntryGlance | undefined)[],
  counts: { checked: number; absent: number },
  findings: Findings,
): void {
  const path = payloadsPath(position)
  const first = position * TILE_WIDTH
  const lines = payloads ? linesOf(payloads, first, path, findings) : []
  const here = new Set<number>()
  for (const line of lines) {
    const said = glances[line.sequence - first]?.payloadSha256
    here.add(line.sequence)
    counts.checked++
    if (!holdsPayload(said === undefined ? undefined : Buffer.from(said, 'base64'), line))
      findings.add('altered_payload', `the payload of entry ${line.sequence} is not the one it was written with`, { index: line.sequence, path }) // prettier-ignore
  }
  for (const [i, glance] of glances.entries())
    if (glance?.payloadSha256 !== undefined && !here.has(first + i)) counts.absent++
}

function linesOf(bytes: Uint8Array, first: number, path: string, findings: Findings): readonly PayloadLine[] {
  try {
    const lines = parsePayloadLines(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    const stray = lines.find(({ sequence }) => sequence < first || sequence >= first + TILE_WIDTH)
    if (stray) throw new EntryFlaw(`the payload of entry ${stray.sequence} lies in the wrong file`)
    return lines
  } catch (flaw) {
    findings.add('altered_payload', flaw instanceof EntryFlaw ? flaw.message : 'the payloads are not UTF-8', { index: first, path }) // prettier-ignore
    return []
  }
}
