import { Doorbell, type Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { sql } from 'kysely'
import { LONGEST_LEASE_MS, untilOver } from './lease.ts'
import { sharing } from './sharing.ts'

export type BarrierDeps<Tables> = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly elapsedMs: () => number
  readonly logger: Logger
  readonly feed: string
}

/** How it came about that nobody can act on what was before: all have said so, or their leases were waited out. */
export type By = 'acknowledged' | 'lease'

/** Looks again after so long also without a ring, which may be lost with the listening connection. */
const LOOK_EVERY_MS = 100

/** The least that any replica promises; undefined where there is none, so that nobody has been told anything. And its longest lease. */
type Seen = { readonly least: bigint | undefined; readonly longestMs: number } | 'unknown'

/** Waits until no reader, of any replica, can act on what was before an epoch. */
export class Barrier<Tables> {
  readonly #deps: BarrierDeps<Tables>
  readonly #bells = new Set<Doorbell>()
  readonly #look: () => Promise<Seen>

  constructor(deps: BarrierDeps<Tables>) {
    this.#deps = deps
    this.#look = sharing(() => this.#leastAcknowledged())
  }

  ring(): void {
    for (const bell of this.#bells) bell.ring()
  }

  /** The epoch before which nobody can act on anything any more; 0 when that cannot be said. */
  async settled(): Promise<bigint> {
    const seen = await this.#look()
    return seen !== 'unknown' && seen.least !== undefined && seen.least > 0n ? seen.least : 0n
  }

  /**
   * MUST be called after the commit that drew `epoch`. Returns at the latest the longest lease after it was called, whatever
   * the database does: an ask that was sent before the commit is over then, and what is asked after it is told of it.
   */
  async passed(epoch: bigint, signal: AbortSignal): Promise<By> {
    const { clock, elapsedMs } = this.#deps
    const startedMs = elapsedMs()
    let longestMs = LONGEST_LEASE_MS // of all there may be, until it is read of those there are
    const leftMs = () => startedMs + untilOver(longestMs) - elapsedMs()
    const done = new AbortController()
    const stop = AbortSignal.any([signal, done.signal])
    const waitedOut = waitOut(leftMs, clock, stop)
    const bell = new Doorbell()
    this.#bells.add(bell)
    try {
      for (;;) {
        const seen = await Promise.race([this.#look(), waitedOut])
        signal.throwIfAborted()
        if (seen === 'over') return 'lease'
        if (seen !== 'unknown' && (seen.least === undefined || seen.least >= epoch)) return 'acknowledged'
        if (seen !== 'unknown') longestMs = seen.longestMs
        if (leftMs() <= 0) return 'lease'
        await Promise.race([bell.wait(clock, Math.min(LOOK_EVERY_MS, leftMs()), stop), waitedOut])
      }
    } finally {
      done.abort()
      this.#bells.delete(bell)
    }
  }

  async #leastAcknowledged(): Promise<Seen> {
    const { db, feed, logger } = this.#deps
    try {
      const { rows } = await sql<{ least: number | null; longest: number | null }>`
        select min(acknowledged) as least, max(lease_ms) as longest from feed_replica where feed = ${feed}`.execute(db)
      const { least, longest } = rows[0] ?? {}
      return { least: least === null || least === undefined ? undefined : BigInt(least), longestMs: longest ?? 0 }
    } catch (error) {
      logger.warn({ task: 'feed', stream: feed, error }, 'leases are waited out: who has acknowledged cannot be read')
      return 'unknown'
    }
  }
}

/** By the stopwatch: a timer may fire a moment early. */
async function waitOut(leftMs: () => number, clock: Clock, signal: AbortSignal): Promise<'over'> {
  for (let left = leftMs(); !signal.aborted && left > 0; left = leftMs()) await clock.sleep(left, signal)
  return 'over'
}
