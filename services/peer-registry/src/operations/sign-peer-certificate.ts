import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import type { Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as certificates from '../store/certificates.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { weSignFor } from '../trust.ts'
import { checkMeasure } from './check-measure.ts'
import { issueCertificate } from './issue-certificate.ts'

/** Signs for a peer under hierarchical trust. The name is forced: /peer/<our id of it>, whatever it asked for. */
export async function signForPeer(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; peer: Peer; csrDer: Uint8Array },
): Promise<readonly Buffer[]> {
  const { us, by, peer, csrDer } = said
  const ttlMs = us.lifetimes.peerMs
  const wanted = { us, by, csrDer, ttlMs, kind: 'peer', name: peer.id, hosts: [], peerId: peer.id } as const
  const { chain } = await issueCertificate(tx, now, wanted)
  return chain
}

/** A peer renews the certificate we signed for it, before it runs out or because our CA changed. */
export async function signPeerCertificate(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; peerId: string; csrDer: Uint8Array },
): Promise<readonly Buffer[]> {
  const peer = await peers.lock(tx, said.peerId)
  if (!['enrolled', 'active', 'degraded'].includes(peer.state))
    throw new Refusal('PEER_NOT_ENROLLED', `a peer that is ${peer.state} gets no certificate`)
  if (!weSignFor(peer))
    throw new Refusal('CALLER_NOT_ALLOWED', 'this peer keeps a CA of its own; we sign nothing for it')
  checkMeasure(await certificates.livingOfPeer(tx, peer.id, now), now, 'this peer')
  return signForPeer(tx, now, { ...said, by: { ...said.by, actor: `peer/${peer.id}` }, peer })
}
