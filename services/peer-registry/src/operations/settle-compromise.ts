import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { checkNoticeReceipt } from '../notice-statements.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { settleDeliveries } from './settle-delivery.ts'

/** A partner has heard of our compromise and says so under its identity key: kept as evidence that it was told in time. */
export async function keepReceipt(
  tx: Tx<Tables>,
  now: Date,
  said: { peerId: string; noticeId: string; statement: Envelope; receipt: Envelope; attempts: number },
): Promise<void> {
  const { peerId, noticeId, statement, receipt, attempts } = said
  const { identityKey, platformId } = await peers.lock(tx, peerId)
  const by = { identityKey: identityKey ?? Buffer.alloc(0), platformId: platformId ?? '' }
  checkNoticeReceipt(receipt, by, statement)
  const outcome = { status: 'delivered', statement, receipt } as const
  await settleDeliveries(tx, now, { peerId, kind: 'compromise', noticeId, attempts, outcome })
}

/** A partner will not hear of our compromises any more: the peering is over, or it never answered. */
export async function giveUpCompromises(
  tx: Tx<Tables>,
  now: Date,
  { peerId, attempts, lastError }: { peerId: string; attempts: number; lastError: string },
): Promise<void> {
  await peers.lock(tx, peerId)
  const outcome = { status: 'given_up', lastError } as const
  await settleDeliveries(tx, now, { peerId, kind: 'compromise', attempts, outcome })
}
