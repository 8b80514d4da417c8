import { appendAll } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { reconcile, type Announcing, type PeerState } from '../announcement.ts'
import { peerHeard, peerSilent } from '../events.ts'
import { withPatience, type Freshness } from '../freshness.ts'
import * as freshness from '../store/freshness.ts'
import type { Tables } from '../store/tables.ts'

export type ExpectedPeer = {
  readonly peerId: string
  readonly state: PeerState
  readonly staleAfterMs: number
  /** How we stand with its platform version. */
  readonly versionStatus: string
}

/**
 * What peer-registry holds these peers to be is compared with what we know, and the difference announced or adopted.
 *
 * Takes no hint from what happened in between, so a lost message, a restored database or a service that was away leave
 * nothing stuck. Looks without locks first: in the common case there is nothing to do.
 * Heard by peer-registry and audit-ledger. Returns how many announcements were made.
 */
export async function reconcilePeers(tx: Tx<Tables>, now: Date, peers: readonly ExpectedPeer[]): Promise<number> {
  const seen = await freshness.find(
    tx,
    peers.map(({ peerId }) => peerId),
  )
  await freshness.add(
    tx,
    peers.filter(({ peerId }) => !seen.has(peerId)),
  )
  const differing = peers.filter((peer) => differs(seen.get(peer.peerId), peer, now))
  if (differing.length === 0) return 0

  const locked = await freshness.lock(
    tx,
    differing.map(({ peerId }) => peerId),
  )
  const settled = differing.flatMap((peer) => {
    const before = locked.get(peer.peerId)
    return before ? [{ before, ...settle(before, peer, now) }] : []
  })
  await freshness.save(tx, settled)

  const news = settled.flatMap(({ after, announcement }) => {
    if (!announcement) return []
    return [announcement === 'heard' ? peerHeard(after, now) : peerSilent(after, now)]
  })
  await appendAll(tx, news)
  return news.length
}

/** A row that was not there may need adopting, so it counts as differing. */
const differs = (row: Freshness | undefined, peer: ExpectedPeer, now: Date): boolean =>
  row === undefined || settle(row, peer, now).after !== row

function settle(row: Freshness, peer: ExpectedPeer, now: Date): Announcing {
  const of = withPatience(row, peer.staleAfterMs)
  return isKept(of, peer) ? { after: of, announcement: null } : reconcile(of, peer.state, now)
}

/** That it is heard has been told, and changes nothing: by its version it cannot become active. It waits for no news of ours. */
const isKept = ({ announced }: Freshness, { state, versionStatus }: ExpectedPeer): boolean =>
  announced === 'heard' && versionStatus === 'incompatible' && (state === 'enrolled' || state === 'degraded')
