import { Doorbell, type Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { sql } from 'kysely'
import { LEASE_MS, MARGIN_MS } from './lease.ts'
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

/** Waits until no reader, of any replica, can act on what was before an epoch. */
export class Barrier<Tables> {
  readonly #deps: BarrierDeps<Tables>
  readonly #bells = new Set<Doorbell>()
  readonly #look: () => Promise<bigint | undefined>

  constructor(deps: BarrierDeps<Tables>) {
    this.#deps = deps
    this.#look = sharing(() => this.#leastAcknowledged())
  }

  ring(): void {
    for (const bell of this.#bells) bell.ring()
  }

  /** The epoch before which nobody can act on anything any more; 0 when that cannot be said. */
  async settled(): Promise<bigint> {
    const least = await this.#look()
    return least !== undefined && least > 0n ? least : 0n
  }

  /**
   * MUST be called after the commit that drew `epoch`. Returns at the latest a lease after it was called, whatever the
   * database does: an ask that was sent before the commit is over then, and what is asked after it is told of it.
   */
  async passed(epoch: bigint, signal: AbortSignal): Promise<By> {
    const { clock, elapsedMs } = this.#deps
    const untilMs = elapsedMs() + LEASE_MS + MARGIN_MS
    const done = new AbortController()
    const stop = AbortSignal.any([signal, done.signal])
    const waitedOut = waitUntil(untilMs, this.#deps, stop)
    const bell = new Doorbell()
    this.#bells.add(bell)
    try {
      for (;;) {
        const least = await Promise.race([this.#look(), waitedOut])
        signal.throwIfAborted()
        if (least === 'over') return 'lease'
        if (least === undefined || least >= epoch) return 'acknowledged'
        await Promise.race([bell.wait(clock, LOOK_EVERY_MS, stop), waitedOut])
      }
    } finally {
      done.abort()
      this.#bells.delete(bell)
    }
  }

  /** The least that any replica promises; undefined where there is none, so that nobody has been told anything. */
  async #leastAcknowledged(): Promise<bigint | undefined> {
    const { db, feed, logger } = this.#deps
    try {
      const { rows } = await sql<{ least: number | null }>`
        select min(acknowledged) as least from feed_replica where feed = ${feed}`.execute(db)
      const least = rows[0]?.least
      return least === null || least === undefined ? undefined : BigInt(least)
    } catch (error) {
      logger.warn({ task: 'feed', stream: feed, error }, 'leases are waited out: who has acknowledged cannot be read')
      return -1n
    }
  }
}

/** By the stopwatch: a timer may fire a moment early. */
async function waitUntil(
  atMs: number,
  { clock, elapsedMs }: { readonly clock: Clock; readonly elapsedMs: () => number },
  signal: AbortSignal,
): Promise<'over'> {
  while (!signal.aborted && elapsedMs() < atMs) await clock.sleep(atMs - elapsedMs(), signal)
  return 'over'
}
