import { appendAll, type Announcement } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { breakerClosed, breakerOpened, listeningAnew } from '../events/remediation.ts'
import { isToldAgain, turn } from '../remediation/breaker.ts'
import * as freshness from '../store/freshness.ts'
import * as loop from '../store/loop.ts'
import type { Tables } from '../store/tables.ts'
import type { Status } from '../wire-remediation.ts'
import { decideSignals, type Policy, type ToProbe } from './decide-signals.ts'
import { lookAtEach, type LeftOut } from './look-at-each.ts'
import { heedListening, type Heeding } from './heed-listening.ts'
import { observePeers, type KnownPeer } from './observe-peers.ts'
import { peersToObserve, type Expected } from './peers-to-observe.ts'
import { showStatus } from './show-status.ts'

export type TickSaid = Heeding & {
  /** Ourselves, whose news it is. */
  readonly platformId: string
  readonly peers: ReadonlyMap<string, KnownPeer>
  readonly expected: Expected
  /** Signals that are being probed: their decision comes with what the probe says. */
  readonly busy: ReadonlySet<string>
  readonly policy: Policy
}

export type Ticked = {
  readonly now: Date
  readonly probes: readonly ToProbe[]
  readonly status: Status
  /** Why listening began anew; undefined when it went on. */
  readonly anew: string | undefined
  readonly breakerTurned: boolean
  readonly opened: number
  readonly closed: number
  /** Peers whom nobody could look at. */
  readonly leftOut: readonly LeftOut[]
}

/** A restored peer is a signal for so long. */
const RESTORED_FOR_MS = 3_600_000

/**
 * One look at everybody: whether we listened, how many are late, what is wrong with whom, and what is to be done about it.
 *
 * Reads what is due and a count, not a hundred thousand peers. One transaction, so that what is decided is decided on what
 * stands; whoever has to be probed first is handed back. Heard by audit-ledger.
 */
export async function tick(tx: Tx<Tables>, now: Date, said: TickSaid): Promise<Ticked> {
  const { peers, expected } = said
  const before = await loop.lock(tx)
  const { settings } = before
  const { listening, anew, tickedBefore } = await heedListening(tx, now, said)
  const overview = await freshness.overview(tx, now, {
    listeningSince: listening.since,
    clockSkewMs: settings.clockSkewMs,
    restoredAfter: new Date(now.getTime() - RESTORED_FOR_MS),
  })

  if (overview.ahead > 0) await freshness.heedClockBack(tx, now)
  // Who is silent and still active counts; who was degraded for it does so no longer, or a long outage would never end.
  const silent = overview.silent.filter((peerId) => peers.get(peerId)?.state === 'active')
  const counts = { late: overview.late + silent.length, watched: overview.heard + silent.length }
  const breaker = turn(before.breaker, counts, settings, now)
  const latest = breaker.since ? await freshness.latest(tx, now, { listeningSince: listening.since, silent }) : []
  await loop.saveTick(tx, { breaker, ...counts, latest })

  const { busy } = said
  const peerIds = await peersToObserve(tx, now, {
    overview,
    expected,
    peers,
    busy,
    certWarningMs: settings.certWarningMs,
  })
  const ground = { peers, since: expected.since, listeningSince: listening.since, settings }
  const standing = { ...before, ...counts, breaker }
  const { looks, leftOut } = await lookAtEach(tx, peerIds, async (ids) => {
    const seen = await observePeers(tx, now, { ...ground, peerIds: ids })
    const deciding = { ...said, observed: seen.open, standing, listeningSince: listening.since }
    return { ...seen, probes: await decideSignals(tx, now, deciding) }
  })

  const status = await showStatus(tx, now)
  const breakerTurned = (breaker.since === null) !== (before.breaker.since === null)
  const news = { platformId: said.platformId, status: { ...status, breaker: breaker.since ? breaker : before.breaker } }
  const loopNews: Announcement[] = []
  if (anew !== undefined) loopNews.push(listeningAnew({ ...news, status }, now))
  if (breakerTurned) loopNews.push(breaker.since ? breakerOpened(news, now) : breakerClosed(news, now))
  const held = before.breaker.since && breaker.since
  if (held && tickedBefore && isToldAgain(held, tickedBefore, now)) loopNews.push(breakerOpened(news, now))
  await appendAll(tx, loopNews)
  const total = (of: 'opened' | 'closed') => looks.reduce((sum, look) => sum + look[of], 0)
  const probes = looks.flatMap((look) => look.probes)
  return { now, probes, status, anew, breakerTurned, opened: total('opened'), closed: total('closed'), leftOut }
}
