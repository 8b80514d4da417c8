import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import { peerChanged, type By } from '../events.ts'
import type { Us } from '../platform.ts'
import { envelopeBytes, signReceipt } from '../statements.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { checkBundle, weSignFor } from '../trust.ts'

/**
 * A peer replaces its CA, or takes certificates back: its new bundle is kept, and receipted.
 *
 * Continuity is proven by the identity key alone (the CA is what changes). The same bundle again gets a receipt again.
 */
export async function receiveTrustBundle(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, bundle }: { us: Us; by: By; peerId: string; bundle: Envelope },
): Promise<Envelope> {
  const peer = await peers.lock(tx, peerId)
  const { identityKey, platformId, trustDomain } = peer
  if (peer.state === 'revoked') throw new Refusal('PEER_REVOKED', 'this peering has ended')
  if (peer.state === 'proposed' || !identityKey || !platformId || !trustDomain)
    throw new Refusal('PEER_NOT_ENROLLED', `the peer is ${peer.state}`)
  // A peer we sign for keeps a CA of its own for its own house; it does not vouch for the peer here.
  const held = weSignFor(peer) ? undefined : (peer.trustBundle ?? undefined)
  const { sequence } = checkBundle(bundle, { identityKey, platformId, trustDomain }, now, held)
  if (!weSignFor(peer) && Number(sequence) > peer.trustBundleSequence) {
    const after = { ...peer, trustBundle: envelopeBytes(bundle), trustBundleSequence: Number(sequence), updatedAt: now }
    const saved = await peers.save(tx, peer, after)
    await peerChanged(tx, { ...by, actor: `peer/${peer.id}` }, saved, ['trust_bundle'])
  }
  return signReceipt(us.key, bundle, {
    platformId: us.platformId,
    bundlePlatformId: platformId,
    bundleSequence: sequence,
    at: now,
  })
}
