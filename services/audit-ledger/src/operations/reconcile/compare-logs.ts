import { Comparison, type Counts, type Difference } from '../../comparison.ts'
import * as entries from '../../store/entries.ts'
import * as logs from '../../store/logs.ts'
import * as calls from '../../store/mirror-calls.ts'
import * as mirrors from '../../store/mirrors.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import * as witnessed from '../../store/witnessed.ts'

const DAY_MS = 86_400_000
export const DEFAULT_DAYS = 90
/** Clocks differ, and what is written here is there a moment later. */
export const GRACE_MS = 300_000

/** So long a mirror may be behind. What is still not told then is missing, or whoever tells nothing would hide everything. */
const LONGEST_LAG_MS = DAY_MS

export type Said = {
  readonly peerId: string
  readonly since: Date | undefined
  readonly until: Date | undefined
  /** Hears what was found on the way. MUST NOT wait: the transaction would. */
  readonly onProgress: (progress: Progress) => void
  readonly signal: AbortSignal
}

export type Progress = { readonly compared: number; readonly of: number; readonly differences: readonly Difference[] }

export type Compared = {
  readonly since: Date
  readonly until: Date
  readonly counts: Counts
  /** From here on it is to be looked at again. */
  readonly openSince: Date
  readonly heldSize: number
  readonly witnessedSize: number
}

/**
 * Compares our log about a peer with the peer's log about us, as far as our mirror holds it: every call that one side says it
 * made, the other says it received, and the other way round.
 *
 * What the mirror may not hold yet is pending, not missing: entries of the last minutes, and all later than the mirror's end
 * while the peer has signed more than that, or none is held; but not for longer than a day.
 */
export async function compareLogs(tx: LedgerTx, now: Date, said: Said): Promise<Compared> {
  const { peerId, onProgress, signal } = said
  const until = said.until ?? now
  const since = await whatIsKept(tx, peerId, said.since ?? new Date(until.getTime() - DEFAULT_DAYS * DAY_MS))
  const [heldSize, witnessedSize] = await reach(tx, peerId)
  const settled = earlier(now, GRACE_MS)
  const isWhole = heldSize > 0 && heldSize >= witnessedSize
  const told = isWhole ? settled : earlier((await calls.toldUntil(tx, peerId)) ?? since, GRACE_MS)
  const overdue = earlier(now, LONGEST_LAG_MS)
  const toldThere = new Date(Math.max(overdue.getTime(), Math.min(told.getTime(), settled.getTime())))
  const comparison = new Comparison({ since, until, toldHere: settled, toldThere })

  // One side may have written down a call of the window's edge outside of it.
  const window = { peerId, since: earlier(since, GRACE_MS), until: earlier(until, -GRACE_MS) }
  const of = await calls.count(tx, window)
  let compared = 0
  for await (const page of calls.both(tx, window)) {
    signal.throwIfAborted()
    for (const call of page) comparison.take(call)
    compared += page.length
    onProgress({ compared, of, differences: comparison.takeDifferences() })
  }
  comparison.end()
  onProgress({ compared, of, differences: comparison.takeDifferences() })
  const openSince = comparison.openSince ?? until
  return {
    since,
    until,
    counts: comparison.counts,
    openSince: openSince < settled ? openSince : settled,
    heldSize,
    witnessedSize,
  }
}

async function reach(tx: LedgerTx, peerId: string): Promise<[held: number, witnessed: number]> {
  const keys = await witnessedKeys.newest(tx, peerId)
  const newest = keys && (await witnessed.newest(tx, { peerId, origin: keys.origin }))
  const head = await mirrors.head(tx, peerId)
  return [head?.size ?? 0, Math.max(newest?.size ?? 0, head?.checkpointSize ?? 0)]
}

/** Where entries of ours are gone by retention, the peer's of that time have nothing to be compared with. */
async function whatIsKept(tx: LedgerTx, peerId: string, since: Date): Promise<Date> {
  const log = await logs.find(tx, peerId)
  const below = log && (await prunings.prunedBelow(tx, log.id))
  if (!log || !below) return since
  const first = await entries.at(tx, log.id, below)
  const kept = first ? earlier(first.at, -GRACE_MS) : since
  return kept > since ? kept : since
}

const earlier = (at: Date, ms: number): Date => new Date(at.getTime() - ms)
