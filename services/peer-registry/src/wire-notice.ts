import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  NoticeDeliverySchema,
  NoticeSchema,
  type Notice as WireNotice,
  type NoticeDelivery as WireDelivery,
} from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Delivery, Notice } from './notice.ts'
import { stamps } from './wire.ts'

type Around = {
  readonly counts?:
    | {
        readonly delivered: number
        readonly owed: number
        readonly given_up: number
        readonly lastDeliveredAt: Date | null
      }
    | undefined
  readonly deliveries?: readonly WireDelivery[]
}

/** A notice as operators and events see it; with what became of it when that was looked up. */
export function noticeToWire(notice: Notice, { counts, deliveries = [] }: Around = {}): WireNotice {
  const { discoveredAt, dueAt, receivedAt, declaredAt, statement: _statement, receipt: _receipt, ...said } = notice
  return create(NoticeSchema, {
    ...said,
    affected: [...notice.affected],
    peerId: notice.peerId ?? '',
    senderId: notice.senderId ?? '',
    declaredAt: timestampFromDate(declaredAt),
    ...stamps({ discoveredAt, dueAt, receivedAt, lastDeliveredAt: counts?.lastDeliveredAt ?? null }),
    delivered: counts?.delivered ?? 0,
    owed: counts?.owed ?? 0,
    givenUp: counts?.given_up ?? 0,
    deliveries: [...deliveries],
  })
}

export function deliveryToWire(
  delivery: Delivery & { readonly peerName?: string; readonly nextAttemptAt?: Date | null },
): WireDelivery {
  const { peerId, peerName = '', status, attempts, lastError, settledAt, receipt, nextAttemptAt = null } = delivery
  return create(NoticeDeliverySchema, {
    peerId,
    peerName,
    status,
    attempts,
    lastError,
    receipted: receipt !== null,
    ...stamps({ deliveredAt: status === 'delivered' ? settledAt : null, nextAttemptAt }),
  })
}
