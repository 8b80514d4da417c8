import type { Tx } from '@powernode/postgres'
import { newId } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import { noticeReceived } from '../events/notices.ts'
import { DAY_MS } from '../invitation.ts'
import { dueAt, type Notice } from '../notice.ts'
import { openCompromise, receiptAgain, signNoticeReceipt } from '../notice-statements.ts'
import type { Us } from '../platform.ts'
import { envelopeBytes } from '../statements.ts'
import * as notices from '../store/notices.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** Nobody is compromised so often; each is kept for good. */
const MOST_A_DAY = 20

/**
 * A partner says that it was compromised, and proves that it is its word: kept as evidence, and receipted.
 *
 * The same notice again gets the same receipt. What follows from it is for our operators to decide: the peering stays as
 * it is, since whoever holds their keys could otherwise end it with one message. Heard by audit-ledger.
 */
export async function receiveCompromise(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, notice }: { us: Us; by: By; peerId: string; notice: Envelope },
): Promise<Envelope> {
  const peer = await peers.lock(tx, peerId)
  if (peer.state === 'revoked') throw new Refusal('PEER_REVOKED', 'this peering has ended')
  const said = openCompromise(notice, peer.identityKey ?? Buffer.alloc(0), now)
  if (said.platformId !== peer.platformId || said.peerId !== peer.id)
    throw new Refusal('NOTICE_INVALID', 'the notice is about another peering')
  const statement = envelopeBytes(notice)
  const known = await notices.findReceived(tx, peer.id, said.id)
  if (known) return receiptAgain(known, statement)
  if ((await notices.countReceived(tx, peer.id, new Date(now.getTime() - DAY_MS))) >= MOST_A_DAY)
    throw new Refusal('RATE_LIMITED', `more than ${MOST_A_DAY} notices in a day`, { retryAfterMs: DAY_MS })
  const receipt = signNoticeReceipt(us, notice, now)
  const actor = `peer/${peer.id}`
  const kept: Notice = {
    id: newId(now),
    kind: 'compromise',
    direction: 'received',
    senderId: said.id,
    peerId: peer.id,
    summary: said.summary,
    affected: said.affected,
    advice: said.advice,
    discoveredAt: said.discoveredAt,
    declaredAt: said.at,
    dueAt: dueAt(said),
    declaredBy: actor,
    receivedAt: now,
    statement,
    receipt: envelopeBytes(receipt),
  }
  await notices.insert(tx, kept)
  await noticeReceived(tx, { ...by, actor }, kept, now)
  return receipt
}
