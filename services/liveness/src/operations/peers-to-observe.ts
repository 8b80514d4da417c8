import type { Tx } from '@powernode/postgres'
import { BEATING, type PeerState } from '../announcement.ts'
import { CALM_MS } from '../remediation/observe.ts'
import type { Overview } from '../store/freshness.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'

/** What only whoever follows the peers knows of them. */
export type Expected = {
  /** Peers that have not been heard both ways yet, and since when they should be. */
  readonly since: ReadonlyMap<string, Date>
  /** Of those the ones whose time is over. */
  readonly overdue: readonly string[]
  /** Peers with a certificate that ends within this, and those with one that has ended. */
  readonly endingWithin: (ms: number) => { readonly expiring: readonly string[]; readonly expired: readonly string[] }
  /** Peers whose state has changed, or that are gone; `all` when it cannot be said which. */
  readonly changed: readonly string[] | 'all'
}

export type ToObserve = {
  readonly overview: Overview
  readonly expected: Expected
  readonly peers: ReadonlyMap<string, { readonly state: PeerState }>
  /** Signals that are being probed: they are looked at when the probe is back. */
  readonly busy: ReadonlySet<string>
  readonly certWarningMs: number
}

/**
 * So many of each sort in one tick: the next comes soon, and no tick takes long. Who is among them MUST not be so any more when he
 * has been looked at, or the first five hundred would keep out everybody else for ever.
 */
const MOST = 500

/**
 * The peers that have to be looked at in this tick: those of whom something is wrong and no signal says so, those of whom a
 * signal says something that may be over, and those whose turn it is. Everybody else is as they were.
 */
export async function peersToObserve(
  tx: Tx<Tables>,
  now: Date,
  { overview, expected, peers, busy, certWarningMs }: ToObserve,
): Promise<readonly string[]> {
  const silent = new Set(overview.silent)
  const overdue = new Set(expected.overdue)
  const saidSilent = await signals.peersWith(tx, ['heartbeat_stale', 'one_way'])
  const skews = await signals.clockSkews(tx, new Date(now.getTime() - CALM_MS))
  const saidRestored = await signals.peersWith(tx, ['epoch_regression'])
  const [saidExpiring, saidExpired] = [
    await signals.peersWith(tx, ['cert_expiring']),
    await signals.peersWith(tx, ['cert_expired']),
  ]
  // Of a peer that is not expected to beat, what its last beats told is kept, and nothing follows from it.
  const isIdle = (id: string) => !BEATING.includes(peers.get(id)?.state ?? 'unknown')
  const beating = (ids: readonly string[]) => new Set(ids.filter((id) => !isIdle(id)))
  const [skewed, restored] = [beating(overview.skewed), beating(overview.restored)]
  const { expiring, expired } = expected.endingWithin(certWarningMs)
  return [
    ...new Set([
      ...(await signals.duePeers(tx, now, busy, MOST)),
      ...first(silent, (id) => !saidSilent.has(id)),
      ...first(saidSilent, (id) => !silent.has(id) && !overdue.has(id)),
      ...first(overdue, (id) => !saidSilent.has(id)),
      ...first(skewed, (id) => !skews.skewed.has(id)),
      ...first(skews.skewed, (id) => !skewed.has(id)),
      ...first(skews.settled, (id) => !skewed.has(id)),
      ...onlyInOne(restored, saidRestored),
      ...onlyInOne(new Set(expiring), saidExpiring),
      ...onlyInOne(new Set(expired), saidExpired),
      ...(expected.changed === 'all' ? first(await signals.openPeers(tx), isIdle) : expected.changed),
    ]),
  ]
}

/** The first of them of which this is so. */
function first(ids: Iterable<string>, isSo: (id: string) => boolean): readonly string[] {
  const found: string[] = []
  for (const id of ids) if (isSo(id) && found.push(id) >= MOST) break
  return found
}

const onlyInOne = (a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] => [
  ...first(a, (id) => !b.has(id)),
  ...first(b, (id) => !a.has(id)),
]
