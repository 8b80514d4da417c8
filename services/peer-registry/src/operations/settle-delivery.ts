import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { noticeSettled } from '../events/notices.ts'
import type { NoticeKind } from '../notice.ts'
import { envelopeBytes } from '../statements.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import type { Tables } from '../store/tables.ts'

export type Outcome =
  | { readonly status: 'delivered'; readonly statement: Envelope; readonly receipt: Envelope | undefined }
  | { readonly status: 'given_up'; readonly lastError: string }

/**
 * What is owed to a peer of one kind, or just one notice of it, was heard or never will be. A peer that is told twice has
 * heard it once. MUST hold the peer's row; the receipt MUST have been checked. Heard by audit-ledger.
 */
export async function settleDeliveries(
  tx: Tx<Tables>,
  now: Date,
  said: {
    readonly peerId: string
    readonly kind: NoticeKind
    readonly noticeId?: string
    readonly attempts: number
    readonly outcome: Outcome
  },
): Promise<number> {
  const { peerId, kind, noticeId, attempts, outcome } = said
  const owed = await deliveries.lockOwed(tx, peerId, kind)
  const meant = owed.filter((delivery) => noticeId === undefined || delivery.noticeId === noticeId)
  for (const delivery of meant) {
    const after = { ...delivery, attempts, settledAt: now, ...written(outcome) }
    await deliveries.settle(tx, after)
    await noticeSettled(tx, kind, after, now)
  }
  return meant.length
}

const written = (outcome: Outcome) =>
  outcome.status === 'given_up'
    ? outcome
    : {
        status: outcome.status,
        lastError: '',
        statement: envelopeBytes(outcome.statement),
        receipt: outcome.receipt ? envelopeBytes(outcome.receipt) : null,
      }
