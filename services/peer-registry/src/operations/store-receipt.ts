import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { BY_OURSELVES, peerChanged } from '../events.ts'
import { envelopeBytes, openReceipt } from '../statements.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** A peer holds our bundle, and says so under its identity key: kept as evidence, and counted by a rotation. */
export async function storeReceipt(
  tx: Tx<Tables>,
  now: Date,
  { peerId, receipt, bundle }: { peerId: string; receipt: Envelope; bundle: Buffer },
): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  const by = { identityKey: peer.identityKey ?? Buffer.alloc(0), platformId: peer.platformId ?? '' }
  const sequence = openReceipt(receipt, by, bundle)
  if (sequence <= peer.acknowledgedBundleSequence) return
  const saved = await peers.save(tx, peer, {
    ...peer,
    acknowledgedBundleSequence: sequence,
    trustReceipt: envelopeBytes(receipt),
    updatedAt: now,
  })
  await peerChanged(tx, BY_OURSELVES, saved, ['trust_receipt'])
}
