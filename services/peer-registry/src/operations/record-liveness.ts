import type { Tx } from '@powernode/postgres'
import { peerChanged, peerMoved, type By } from '../events.ts'
import { isOutdated, move, type Peer } from '../peer.ts'
import * as livenessNews from '../store/liveness-news.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { whyNotActive } from '../version-stance.ts'
import { readRulebook } from './stand-by-version.ts'

const BY_LIVENESS: By = { actor: 'service/liveness' }

/** News of liveness about a peer, and when it was told there. */
type Told = { readonly peerId: string; readonly toldAt: Date }

/**
 * Beats go both ways: an enrolled or degraded peer becomes active. Any other stays what an operator made it, and one whose
 * version does not work with ours what it is: it says why.
 */
export async function recordHeard(tx: Tx<Tables>, now: Date, { peerId, toldAt }: Told): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (!(await isNews(tx, now, { peerId, toldAt }))) return
  if (peer.state !== 'enrolled' && peer.state !== 'degraded') return
  if (peer.versionStatus === 'incompatible') return sayWhyNotActive(tx, now, peer)
  const active = await peers.save(tx, peer, move(peer, 'heartbeat', 'heartbeats are fresh in both directions', now))
  await peerMoved(tx, BY_LIVENESS, { before: peer, after: active, move: 'heartbeat' })
}

/** Whatever it was waited for until now, it is heard: what keeps it from being active is its version. */
async function sayWhyNotActive(tx: Tx<Tables>, now: Date, peer: Peer): Promise<void> {
  const reason = whyNotActive(await readRulebook(tx), peer)
  if (peer.reason === reason) return
  const saved = await peers.save(tx, peer, { ...peer, reason, updatedAt: now })
  await peerChanged(tx, BY_LIVENESS, saved, ['version_status'])
}

/**
 * An active peer has been silent for longer than was agreed, in at least one direction, and does not answer either, or went on
 * being silent though it does.
 */
export async function recordSilent(
  tx: Tx<Tables>,
  now: Date,
  { peerId, toldAt, why }: Told & { readonly why: string },
): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (!(await isNews(tx, now, { peerId, toldAt }))) return
  if (peer.state !== 'active') return
  const degraded = await peers.save(tx, peer, move(peer, 'fallSilent', why, now))
  await peerMoved(tx, BY_LIVENESS, { before: peer, after: degraded, move: 'fallSilent' })
}

/** Heeds news, unless newer was heeded before: then the peer is as that one said. Whoever changes nothing keeps its moment too. */
async function isNews(tx: Tx<Tables>, now: Date, { peerId, toldAt }: Told): Promise<boolean> {
  if (isOutdated(toldAt, await livenessNews.toldAt(tx, peerId), now)) return false
  await livenessNews.keep(tx, peerId, toldAt)
  return true
}
