import type { Checkpoint, Trust } from '@powernode/tlog'
import { Findings, type Report } from './damage.ts'
import { inventoryOf, type LogFiles } from './log-files.ts'
import { pruningPath, type Pruning } from './pruning.ts'
import { locate } from './verify/locate.ts'
import { segmentsOf } from './verify/segments.ts'
import { UpperTiles } from './verify/upper-tiles.ts'
import { openPrevious, readCheckpoint, readPrunings } from './verify/vouchers.ts'
import { Walk } from './verify/walk.ts'

export type VerifyOptions = {
  /** Called as it goes, with entries; never twice with the same count. */
  readonly onProgress?: (progress: { readonly checked: number; readonly size: number }) => void
  /** Checkpoints of this log that somebody kept: it MUST contain each of them. */
  readonly expectPrevious?: readonly string[]
  /** Whose log this should be. */
  readonly origin?: string
}

/**
 * Recomputes a log from its first entry, with nothing but its files and the keys of those who signed it.
 *
 * An intact log holds every entry that its checkpoint covers, each in the place where it says it is, each tile as the
 * entries make it, and the root that the log's key has signed; it contains every earlier checkpoint that was given, and the
 * payloads that are there are those that were written. The memory it takes is that of a few bundles and of the names of all files.
 */
export async function verifyDirectory(files: LogFiles, trust: Trust, options: VerifyOptions = {}): Promise<Report> {
  const findings = new Findings()
  const previous = (options.expectPrevious ?? []).map((note) => openPrevious(note, trust))
  const { checkpoint, signers } = await readCheckpoint(files, trust, options.origin, findings)
  const paths = await files.paths()
  const inventory = inventoryOf(paths)
  const none = { signers, entries: 0, prunedBelow: 0, payloads: { checked: 0, absent: 0 } }
  if (!checkpoint) return reportOf(findings, { ...none, beyond: inventory.beyond(0) })

  const { size } = checkpoint
  const prunings = await readPrunings(files, paths, { checkpoint, trust }, findings)
  const below = Math.max(0, ...prunings.map((pruning) => pruning.below))
  const stops = [...previous, ...prunings].map((each) => each.size)
  const walk = new Walk(findings, { stops, prunedBelow: below })
  const upper = new UpperTiles(files, inventory, findings)
  for await (const segment of segmentsOf(files, inventory, size)) {
    walk.step(segment)
    await upper.compareFull(walk.edge)
    options.onProgress?.({ checked: Math.min(size, segment.position * 256 + segment.width), size })
  }
  walk.end(inventory.segments, size)
  if (!walk.broken) await upper.comparePartial(walk.edge)
  await judge({ files, checkpoint, walk, upper, findings })
  compareWith(previous, checkpoint, walk, findings)
  comparePrunings(prunings, checkpoint, walk, findings)
  const { entries, payloads } = walk
  return reportOf(findings, { checkpoint, signers, entries, payloads, prunedBelow: below, beyond: inventory.beyond(size) }) // prettier-ignore
}

/** Files that disagree are judged by the root: it was signed, they were not. */
async function judge({
  files,
  checkpoint,
  walk,
  upper,
  findings,
}: {
  readonly files: LogFiles
  readonly checkpoint: Checkpoint
  readonly walk: Walk
  readonly upper: UpperTiles
  readonly findings: Findings
}): Promise<void> {
  // prettier-ignore
  const { suspects } = walk
  if (rootHolds(walk, checkpoint)) {
    for (const { position } of suspects)
      findings.add('altered_tile', `the tile 0/${position} is not what its entries make`, { index: position * 256 })
    for (const { path } of upper.flaws) findings.add('altered_tile', `${path} is not what the entries make`, { path })
  } else await locate(files, checkpoint, { suspects, broken: walk.broken, flaws: upper.flaws }, findings)

  const blamed = new Set(findings.damages.flatMap(({ kind, index }) => (kind === 'altered_entry' && index !== undefined ? [index] : []))) // prettier-ignore
  for (const { index, kind, detail } of walk.oddities) if (!blamed.has(index)) findings.add(kind, detail, { index })
}

/** A log that signs a shorter tree, or one without what it signed before, has two truths. */
function compareWith(previous: readonly Checkpoint[], checkpoint: Checkpoint, walk: Walk, findings: Findings): void {
  for (const { origin, size, root } of previous) {
    if (origin !== checkpoint.origin)
      findings.add('wrong_log', `the earlier checkpoint is one of ${origin}, not of ${checkpoint.origin}`)
    else if (size > checkpoint.size)
      findings.add('rollback', `the log had ${size} entries and now claims ${checkpoint.size}`)
    else {
      const now = size === checkpoint.size ? checkpoint.root : walk.rootsAt.get(size)
      const isKnown = size === checkpoint.size || (size > 0 && rootHolds(walk, checkpoint))
      if (isKnown && Buffer.compare(now ?? new Uint8Array(), root) !== 0)
        findings.add('fork', `the log has signed two roots for its first ${size} entries`, { index: size })
    }
  }
}

/** A statement names a root that the log's key has signed: one that is not of this tree is of another. */
function comparePrunings(prunings: readonly Pruning[], checkpoint: Checkpoint, walk: Walk, findings: Findings): void {
  if (!rootHolds(walk, checkpoint)) return
  for (const { size, root, below } of prunings) {
    const now = size === checkpoint.size ? checkpoint.root : walk.rootsAt.get(size)
    if (Buffer.compare(now ?? new Uint8Array(), root) !== 0)
      findings.add('bad_pruning', `it speaks of another log of ${size} entries than this one`, { path: pruningPath(below) }) // prettier-ignore
  }
}

const rootHolds = ({ broken, edge }: Walk, { root }: Checkpoint): boolean =>
  !broken && Buffer.compare(edge.root(), root) === 0

const reportOf = (findings: Findings, rest: Omit<Report, 'intact' | 'damages' | 'found'>): Report => ({
  intact: findings.found === 0,
  damages: findings.damages,
  found: findings.found,
  ...rest,
})
