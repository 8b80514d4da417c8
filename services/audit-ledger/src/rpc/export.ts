import type { ServiceImpl } from '@connectrpc/connect'
import { TILE_WIDTH } from '@powernode/tlog'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { checkpointFile, rimFiles, segmentFiles, tileFile, type File } from '../log-files.ts'
import { openExport, type Export } from '../operations/export/open-export.ts'
import { readPayloads } from '../operations/export/read-payloads.ts'
import { readPruning } from '../operations/export/read-pruning.ts'
import { readRim } from '../operations/export/read-rim.ts'
import { readSegments } from '../operations/export/read-segments.ts'
import { actIn, type Act, type DoorDeps } from './door.ts'
import { bytes } from './wire.ts'

export const EXPORT_CALLERS = {
  exportLog: ['system.federation.read'],
} as const

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof EXPORT_CALLERS>

/** Segments that are read at a time; one where payloads are, which may be large. */
const AT_A_TIME = 16
/** Of a file that a message carries; a larger one comes in several. */
const CONTENT_BYTES = 1_048_576

/**
 * A log as files, each read in a transaction of its own: an export of hours holds nobody up. What is sent was held against
 * the tree and the signed root; what does not fit ends the export, and no checkpoint is sent.
 */
export function exportHandlers(deps: DoorDeps): Handlers {
  const act = actIn(deps)
  return {
    async *exportLog({ log, mirror, payloads, start }) {
      const exported = await act((tx, now) => openExport(tx, now, { log, mirror }))
      const size = BigInt(exported.head.size)
      for await (const { files, done } of filesOf(act, exported, { payloads, start: Number(start) }))
        for (const { path, content } of files)
          for (const { part, more } of partsOf(content))
            yield { path, content: bytes(part), more, done: BigInt(done), size }
    },
  }
}

type Step = { readonly files: readonly File[]; readonly done: number }
type Asked = { readonly payloads: boolean; readonly start: number }

async function* filesOf(act: Act, { tree, head }: Export, { payloads, start }: Asked): AsyncGenerator<Step> {
  const { size } = head
  const full = Math.floor(size / TILE_WIDTH)
  const beside = async (position: number) =>
    payloads ? [await act((tx, now) => readPayloads(tx, now, { tree, position, size }))] : []
  for (let first = Math.floor(start / TILE_WIDTH); first < full;) {
    const said = { tree, first, count: payloads ? 1 : Math.min(AT_A_TIME, full - first) }
    const { segments, tiles } = await act((tx, now) => readSegments(tx, now, said))
    first += said.count
    const files = [...segments.flatMap(segmentFiles), ...tiles.map(tileFile)]
    yield { files: [...files, ...(await beside(said.first))], done: first * TILE_WIDTH }
  }
  const rim = await act((tx, now) => readRim(tx, now, { tree, size }))
  const last = rim.leaves.length > 0 ? await beside(full) : []
  const pruning = await act((tx, now) => readPruning(tx, now, { tree }))
  yield { files: [...(await rimFiles(head, rim)), ...last, ...pruning, checkpointFile(head)], done: size }
}

function* partsOf(content: Uint8Array): Generator<{ readonly part: Uint8Array; readonly more: boolean }> {
  for (let at = 0; at === 0 || at < content.length; at += CONTENT_BYTES)
    yield { part: content.subarray(at, at + CONTENT_BYTES), more: at + CONTENT_BYTES < content.length }
}
