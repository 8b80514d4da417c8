import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import { parseCheckpoint, parseNote, TILE_WIDTH } from '@powernode/tlog'
import { checkpointFile, Contradiction, rimFiles, rimPaths, segmentFiles, tileFile, wholeNote, type File, type Head } from '../log-files.ts' // prettier-ignore
import { readRoot } from '../operations/export/read-heads.ts'
import { readPruning } from '../operations/export/read-pruning.ts'
import { readRim } from '../operations/export/read-rim.ts'
import { readSegments } from '../operations/export/read-segments.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'
import type { DurableFolder } from './durable.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly folder: DurableFolder }

/** How far the files of one log have come. */
type State = {
  /** The first segment that may not be in the folder. */
  next: number
  /** The checkpoint in the folder, and the one before it. */
  sealed: { readonly size: number; readonly text: string } | undefined
  before: number | undefined
}

/** Segments that are read, and held in memory, at a time. */
const AT_A_TIME = 16

export type LogWriter = {
  /** Writes what is full below the head. Resolves with the number of segments that were new. */
  readonly fill: (head: Head) => Promise<number>
  /** Writes all that the head covers, then its checkpoint. Resolves with whether there was anything to do. */
  readonly seal: (head: Head) => Promise<boolean>
  /** Whether `fill` would have something to do. */
  readonly isBehind: (head: Head) => boolean
}

/**
 * Writes logs into a folder as tiles, bundles and checkpoints (C2SP tlog-tiles).
 *
 * A checkpoint MUST stand in the folder only once all that it covers is durable there: so it alone says where to go on,
 * after whatever end. One that the database does not know ends the writing of that log with a `Contradiction`: either
 * the folder was written by somebody else, or the database has lost entries.
 */
export function createLogWriter({ db, clock, folder }: Deps): LogWriter {
  const states = new Map<number, State>()
  const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))

  const fullOf = ({ size }: Head): number => Math.floor(size / TILE_WIDTH)
  const within = ({ origin }: Head, path: string): string => `${folderOf(origin)}/${path}`
  const put = (head: Head, files: readonly File[]) =>
    folder.putOnce(files.map(({ path, content }) => ({ path: within(head, path), content })))

  async function stateOf(head: Head): Promise<State> {
    const known = states.get(head.logId)
    if (known) return known
    const sealed = await sealedBefore(head)
    const state = { next: Math.floor((sealed?.size ?? 0) / TILE_WIDTH), sealed, before: undefined }
    states.set(head.logId, state)
    return state
  }

  /** What the checkpoint in the folder says, held against the database. */
  async function sealedBefore(head: Head): Promise<State['sealed']> {
    const found = await folder.read(within(head, 'checkpoint'))
    if (found === undefined) return undefined
    const text = found.toString()
    const { origin, size, root } = readCheckpoint(text, head.origin)
    if (origin !== head.origin || size > head.size)
      throw new Contradiction(`the folder of ${head.origin} is signed up to ${size} of ${origin}, the database up to ${head.size}`, { found: text }) // prettier-ignore
    const own = size === 0 ? root : await act((tx, now) => readRoot(tx, now, { logId: head.logId, size }))
    if (Buffer.compare(own, root) !== 0)
      throw new Contradiction(`the folder of ${origin} holds another root for size ${size} than the database`, {
        found: text,
      })
    return { size, text }
  }

  async function fill(head: Head): Promise<number> {
    const state = await stateOf(head)
    const from = state.next
    while (state.next < fullOf(head)) {
      const said = {
        tree: { logId: head.logId },
        first: state.next,
        count: Math.min(AT_A_TIME, fullOf(head) - state.next),
      }
      const { segments, tiles } = await act((tx, now) => readSegments(tx, now, said))
      await put(head, [...segments.flatMap(segmentFiles), ...tiles.map(tileFile)])
      state.next += said.count
    }
    return state.next - from
  }

  async function seal(head: Head): Promise<boolean> {
    const state = await stateOf(head)
    const text = wholeNote(head)
    if (state.sealed?.text === text || (state.sealed?.size ?? 0) > head.size) return false
    await fill(head)
    if (state.sealed?.size !== head.size) {
      const rim = await act((tx, now) => readRim(tx, now, { tree: { logId: head.logId }, size: head.size }))
      await put(head, await rimFiles(head, rim))
    }
    await put(head, await act((tx, now) => readPruning(tx, now, { tree: { logId: head.logId } })))
    const found = (await folder.read(within(head, 'checkpoint')))?.toString()
    if (found !== state.sealed?.text) {
      states.delete(head.logId)
      throw new Error(`somebody else writes ${head.origin} into ${folder.root}: looking again`)
    }
    await folder.replace({ ...checkpointFile(head), path: within(head, 'checkpoint') })
    await tidy(head, state)
    if (state.sealed?.size !== head.size) state.before = state.sealed?.size
    state.sealed = { size: head.size, text }
    return true
  }

  /**
   * Takes away the unfinished tiles that only the checkpoint before the last one needed: whoever reads by that one finds
   * in newer ones, or in full ones, all that it covers. Without this a log of a year has a hundred thousand of them.
   */
  async function tidy(head: Head, { sealed, before }: State): Promise<void> {
    if (before === undefined || sealed === undefined || sealed.size === head.size) return
    const needed = new Set([...rimPaths(sealed.size), ...rimPaths(head.size)])
    await folder.remove(rimPaths(before).flatMap((path) => (needed.has(path) ? [] : [within(head, path)])))
  }

  const isBehind = (head: Head): boolean => (states.get(head.logId)?.next ?? 0) < fullOf(head)

  return { fill, seal, isBehind }
}

function readCheckpoint(text: string, origin: string): ReturnType<typeof parseCheckpoint> {
  try {
    return parseCheckpoint(parseNote(text).body)
  } catch (cause) {
    throw new Contradiction(`what stands in the folder of ${origin} as its checkpoint is none`, { cause, found: text })
  }
}

/** Where a log lies in the folder: its origin is the path. */
export function folderOf(origin: string): string {
  const isPlain = origin.split('/').every((part) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(part))
  if (!isPlain) throw new Error(`${JSON.stringify(origin)} cannot be the name of a folder`)
  return origin
}
