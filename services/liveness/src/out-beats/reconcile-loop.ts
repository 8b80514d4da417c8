import { steady, type Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { REPEAT_AFTER_MS } from '../announcement.ts'
import type { PeerFeed } from '../feed/peer-feed.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import type { BeatMetrics } from '../metrics/beat-metrics.ts'
import { forgetPeers } from '../operations/forget-peers.ts'
import { reconcilePeers } from '../operations/reconcile-peers.ts'
import type { Tables } from '../store/tables.ts'
import { createWake } from './wake.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly feed: PeerFeed
  readonly metrics: BeatMetrics
  readonly logger: Logger
}

/** Everything is looked at this often, whatever was heard of it. */
const ALL_EVERY_MS = 300_000
/** What we know of a peer that is gone stays this long. */
const KEEP_GONE_MS = 30 * 86_400_000
const BATCH = 1_000

/**
 * Keeps what we tell of peers in step with what peer-registry holds them to be.
 *
 * Woken by changes and by time, and uses the content of neither: it reads both states and writes the difference. Peers
 * that wait for news of ours (enrolled, degraded) are looked at every few seconds, so that lost news is told again.
 */
export async function reconcileLoop(deps: Deps, signal: AbortSignal): Promise<void> {
  const { feed, logger } = deps
  const clock = steady(deps.clock) // for the plan; what is told is of the wall clock
  const wake = createWake(clock)
  const changed = new Set<string>()
  let allDueAt = clock.now()
  feed.subscribe((change) => {
    if (change === 'all') allDueAt = clock.now()
    else changed.add(change.peerId)
    wake.now()
  }, signal)

  while (!signal.aborted) {
    const now = clock.now()
    const all = feed.isComplete() && now >= allDueAt
    const ids = [...changed]
    changed.clear()
    try {
      await reconcile(deps, all ? [...feed.peers.values()] : [...named(feed, ids), ...waiting(feed)])
      if (all) {
        await forgetGone(deps)
        allDueAt = new Date(now.getTime() + ALL_EVERY_MS)
      }
    } catch (error) {
      for (const peerId of ids) changed.add(peerId)
      logger.error({ error, task: 'reconcile' }, 'reconciling failed and will be repeated')
    }
    await wake.sleepUntil(new Date(clock.now().getTime() + REPEAT_AFTER_MS), signal)
  }
}

async function reconcile({ db, clock, metrics }: Deps, peers: readonly WatchedPeer[]): Promise<void> {
  const once = [...new Map(peers.map((peer) => [peer.peerId, peer])).values()]
  for (let at = 0; at < once.length; at += BATCH) {
    const batch = once.slice(at, at + BATCH)
    const told = await inTransaction(db, (tx) => reconcilePeers(tx, clock.now(), batch))
    if (told > 0) metrics.transitions.inc({ kind: 'told_again' }, told)
  }
}

async function forgetGone({ db, clock, feed }: Deps): Promise<void> {
  const now = clock.now()
  const before = new Date(now.getTime() - KEEP_GONE_MS)
  await inTransaction(db, (tx) => forgetPeers(tx, now, { known: [...feed.peers.keys()], before }))
}

/** A peer that is gone is not named any more: it is forgotten when all are looked at. */
const named = (feed: PeerFeed, ids: readonly string[]): readonly WatchedPeer[] =>
  ids.flatMap((peerId) => feed.peers.get(peerId) ?? [])

const waiting = (feed: PeerFeed): readonly WatchedPeer[] =>
  [...feed.peers.values()].filter(({ state }) => state === 'enrolled' || state === 'degraded')
