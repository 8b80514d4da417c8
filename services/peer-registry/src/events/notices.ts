import { create } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import {
  NoticeDeclaredSchema,
  NoticeReceivedSchema,
  NoticeSettledSchema,
} from '@powernode/proto/powernode/notice/v1/events_pb.ts'
import { causeOf } from '../cause.ts'
import { BY_OURSELVES, type By } from '../events.ts'
import type { Delivery, Notice, NoticeKind } from '../notice.ts'
import type { Tables } from '../store/tables.ts'
import { deliveryToWire, noticeToWire } from '../wire-notice.ts'

/** fed.notice.declared.<id>: our partners are told that we were compromised. */
export async function noticeDeclared(tx: Tx<Tables>, by: By, notice: Notice) {
  await append(tx, {
    noun: 'notice',
    word: 'declared',
    id: notice.id,
    severity: 'critical',
    at: notice.declaredAt,
    ...causeOf(by),
    payload: create(NoticeDeclaredSchema, { notice: noticeToWire(notice) }),
  })
}

/** fed.notice.received.<id>: a partner tells us that it was compromised. */
// oxlint-disable-next-line max-params -- a verb's two, who said it, and what
export async function noticeReceived(tx: Tx<Tables>, by: By, notice: Notice, at: Date) {
  await append(tx, {
    noun: 'notice',
    word: 'received',
    id: notice.id,
    severity: 'critical',
    peerId: notice.peerId ?? undefined,
    at,
    ...causeOf(by),
    payload: create(NoticeReceivedSchema, { notice: noticeToWire(notice) }),
  })
}

/** fed.notice.<delivered|given_up>.<id>: a partner has heard it under its identity key, or never will. */
// oxlint-disable-next-line max-params -- a verb's two, of what kind, and what became of it
export async function noticeSettled(tx: Tx<Tables>, kind: NoticeKind, delivery: Delivery, at: Date) {
  const { noticeId, peerId, status } = delivery
  await append(tx, {
    noun: 'notice',
    word: status,
    id: noticeId,
    severity: status === 'given_up' ? 'high' : 'low',
    peerId,
    at,
    ...causeOf(BY_OURSELVES),
    payload: create(NoticeSettledSchema, { noticeId, kind, delivery: deliveryToWire(delivery) }),
  })
}
