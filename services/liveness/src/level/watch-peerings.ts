import type { Clock } from '@powernode/clock'
import { inTransaction, lead, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { BEATING } from '../announcement.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import type { Change, PeerFeed } from '../feed/peer-feed.ts'
import { NOT_WATCHED, seenOf, stretchOf, type Seen, type Stretch } from '../figures/sight.ts'
import { HOUR_MS } from '../figures/window.ts'
import { rollUpFigures } from '../operations/keep-figures.ts'
import * as listening from '../store/listening.ts'
import * as serviceLevels from '../store/service-levels.ts'
import type { Tables } from '../store/tables.ts'
import type { LevelMetrics } from './level-metrics.ts'
import type { Tally } from './tally.ts'

export type WatchDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly feed: PeerFeed
  readonly tally: Tally
  readonly levels: LevelMetrics
  readonly logger: Logger
}

/** No further apart than half a stale limit, so that no beat can come and go stale unseen. */
const LOOK_EVERY = { mostMs: 30_000, leastMs: 500 }
/** Of a look that comes later than so many times its turn nobody can say what was in between. */
const LATE = 3
/** A wall clock that differs more from the one that nobody sets was set. */
const JUMP_MS = 1_000

/** One replica watches the peerings of the platform, and makes days of hours. */
export async function watchPeerings(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  await lead(deps, 'service-levels', (leading) => new Watching(deps).run(leading), signal)
}

/** Looks at all peerings, and remembers for the next look what it has seen. */
export class Watching {
  readonly #deps: WatchDeps
  #seen = new Map<string, Seen>()
  #at: { readonly wallMs: number; readonly steadyMs: number } | undefined
  #everyMs = LOOK_EVERY.leastMs
  #rollUpAtMs = 0
  #watched: ReadonlySet<string> = new Set()
  #woken = new AbortController()

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, feed } = this.#deps
    feed.subscribe((change) => this.#isNew(change) && this.#woken.abort(), signal)
    while (!signal.aborted) {
      this.#woken = new AbortController()
      try {
        await this.look()
        await this.#rollUp(signal)
      } catch (error) {
        this.#at = undefined // of what was in between nobody can say anything
        logger.warn({ task: 'service_levels', error }, 'peerings could not be looked at; it is tried again')
      }
      await clock.sleep(this.#everyMs, AbortSignal.any([signal, this.#woken.signal]))
    }
  }

  /** Whether somebody is to be watched who was not: he may be heard and fall silent before the next look would be. */
  #isNew(change: Change): boolean {
    if (change === 'all') return true
    const state = this.#deps.feed.peers.get(change.peerId)?.state
    return state !== undefined && BEATING.includes(state) && !this.#watched.has(change.peerId)
  }

  async look(): Promise<void> {
    const { db, clock, feed, tally, levels } = this.#deps
    const [now, steadyMs] = [clock.now(), clock.elapsed()]
    const [rows, heard] = await inTransaction(db, async (tx) => [
      await serviceLevels.sights(tx),
      await listening.current(tx, now),
    ])
    const since = this.#sinceWhen(now, steadyMs)
    const seen = new Map<string, Seen>()
    for (const row of rows) {
      const peer = feed.peers.get(row.peerId)
      if (!peer || !BEATING.includes(peer.state)) continue
      const before = this.#seen.get(row.peerId)
      const toMs = now.getTime()
      const stretch =
        before && since !== undefined && heard
          ? stretchOf(before, row, { fromMs: since, toMs, listeningSinceMs: heard.since.getTime() })
          : NOT_WATCHED
      this.#count(row.peerId, stretch, { tally, levels })
      seen.set(row.peerId, seenOf(before ?? { ...row, wasFresh: row.isHeard }, row, { toMs, stretch }))
    }
    this.#seen = seen
    this.#at = { wallMs: now.getTime(), steadyMs }
    const watched = [...feed.peers.values()].filter(({ state }) => BEATING.includes(state))
    this.#watched = new Set(watched.map(({ peerId }) => peerId))
    this.#everyMs = Math.max(LOOK_EVERY.leastMs, Math.min(LOOK_EVERY.mostMs, smallest(watched)))
  }

  #count(peerId: string, stretch: Stretch, { tally, levels }: Pick<WatchDeps, 'tally' | 'levels'>): void {
    if (stretch === NOT_WATCHED) return
    tally.watch(peerId, stretch)
    levels.watched(stretch)
  }

  /** When the look before was; undefined when nobody can say what was since: it was the first, it is late, or the clock was set. */
  #sinceWhen(now: Date, steadyMs: number): number | undefined {
    if (!this.#at) return undefined
    const passedMs = steadyMs - this.#at.steadyMs
    const jumpMs = now.getTime() - this.#at.wallMs - passedMs
    if (passedMs > LATE * this.#everyMs || Math.abs(jumpMs) > JUMP_MS) return undefined
    return this.#at.wallMs
  }

  async #rollUp(signal: AbortSignal): Promise<void> {
    const { db, clock } = this.#deps
    if (clock.elapsed() < this.#rollUpAtMs) return
    while (!signal.aborted && (await inTransaction(db, (tx) => rollUpFigures(tx, clock.now()))) > 0);
    this.#rollUpAtMs = clock.elapsed() + HOUR_MS
  }
}

/** Half of the shortest stale limit there is. */
function smallest(peers: readonly Pick<WatchedPeer, 'staleAfterMs'>[]): number {
  let least = Infinity
  for (const { staleAfterMs } of peers) least = Math.min(least, staleAfterMs / 2)
  return least
}
