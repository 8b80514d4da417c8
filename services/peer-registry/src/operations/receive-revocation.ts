import { newId, type Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import type { Us } from '../platform.ts'
import { ended, type Notice } from '../notice.ts'
import { receiptAgain, signNoticeReceipt } from '../notice-statements.ts'
import { envelopeBytes, openNotice } from '../statements.ts'
import * as notices from '../store/notices.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { endPeer } from './revoke-peer.ts'

/**
 * The other side has ended the peering, and proves it: it ends here too, and nothing is owed to them but the receipt.
 *
 * What they said is kept with the receipt, so that neither side can say later that it was otherwise. Who did not hear our
 * answer says the same again and gets the same receipt; nothing else is heard from who has ended a peering.
 */
export async function receiveRevocation(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, notice }: { us: Us; by: By; peerId: string; notice: Envelope },
): Promise<Envelope> {
  const peer = await peers.lock(tx, peerId)
  const { platformId, peerId: meant, reason, at } = openNotice(notice, peer.identityKey ?? Buffer.alloc(0))
  if (platformId !== peer.platformId || meant !== peer.id)
    throw new Refusal('SIGNATURE_INVALID', 'the revocation notice is about another peering')
  const statement = envelopeBytes(notice)
  if (peer.state === 'revoked') return receiptAgain(await heardBefore(tx, peer.id), statement)
  const receipt = signNoticeReceipt(us, notice, now)
  const actor = `peer/${peer.id}`
  const why = `the other side ended the peering${reason ? `: ${reason}` : ''}`
  await endPeer(tx, now, { us, by: { ...by, actor }, peer, reason: why })
  await notices.insert(tx, {
    ...ended(peer.id, reason, { id: newId(now), by: actor, at }),
    direction: 'received',
    receivedAt: now,
    statement,
    receipt: envelopeBytes(receipt),
  })
  return receipt
}

async function heardBefore(tx: Tx<Tables>, peerId: string): Promise<Notice> {
  const known = await notices.findRevocation(tx, peerId, 'received')
  if (known) return known
  throw new Refusal('PEER_REVOKED', 'this peering has ended already, and not by this notice')
}
