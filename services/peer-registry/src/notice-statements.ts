import { create } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { readStatement, signStatement, statementDigest } from '@powernode/identity'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { CompromiseNoticeSchema, NoticeReceiptSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { DAY_MS } from './invitation.ts'
import type { Compromise, Notice } from './notice.ts'
import type { Us } from './platform.ts'
import { envelopeFrom } from './statements.ts'
import { printable } from './text.ts'

/** "We were compromised", in our name, to one partner. The same notice to the same partner is the same bytes. */
export function signCompromise(us: Us, notice: Notice, remotePeerId: string): Envelope {
  const { id, summary, affected, advice, discoveredAt, declaredAt } = notice
  const said = create(CompromiseNoticeSchema, {
    id,
    platformId: us.platformId,
    peerId: remotePeerId,
    summary,
    affected: [...affected],
    advice,
    discoveredAt: timestampFromDate(discoveredAt ?? declaredAt),
    at: timestampFromDate(declaredAt),
  })
  return signStatement(CompromiseNoticeSchema, said, us.key)
}

/** What a partner says of its own compromise, if it is its word and makes sense. */
export type CompromiseSaid = Compromise & {
  readonly id: string
  readonly platformId: string
  readonly peerId: string
  readonly at: Date
}

/** Clocks differ, though not by more than this; and there are dates that no calendar of ours can hold. */
const AHEAD_MS = DAY_MS

export function openCompromise(envelope: Envelope, identityKey: Uint8Array, now: Date): CompromiseSaid {
  const opened = readStatement(CompromiseNoticeSchema, envelope, identityKey)
  if (!('message' in opened)) throw new Refusal('NOTICE_INVALID', `the notice is refused: ${opened.detail}`)
  const { id, platformId, peerId, summary, affected, advice, discoveredAt, at } = opened.message
  if (!discoveredAt || !at || timestampDate(discoveredAt) > timestampDate(at))
    throw new Refusal('NOTICE_INVALID', 'the notice says that the compromise was discovered after it was declared')
  if (timestampDate(at).getTime() > now.getTime() + AHEAD_MS)
    throw new Refusal('NOTICE_INVALID', 'the notice says that it was declared more than a day from now')
  return {
    id,
    platformId,
    peerId,
    summary: printable(summary, 1_024),
    affected,
    advice: printable(advice, 1_024),
    discoveredAt: timestampDate(discoveredAt),
    at: timestampDate(at),
  }
}

/** "I have received this notice", in our name. */
export function signNoticeReceipt(us: Us, notice: Envelope, at: Date): Envelope {
  const said = { platformId: us.platformId, noticeSha256: statementDigest(notice), at: timestampFromDate(at) }
  return signStatement(NoticeReceiptSchema, create(NoticeReceiptSchema, said), us.key)
}

/** What was answered to a notice, for who says it again. Signatures are made anew with each telling; what was said is not. */
export function receiptAgain({ statement, receipt }: Notice, heard: Buffer): Envelope {
  if (!statement || !receipt) throw new Error('a notice that was received is kept with its receipt')
  if (Buffer.compare(envelopeFrom(statement).payload, envelopeFrom(heard).payload) !== 0)
    throw new Refusal('NOTICE_INVALID', 'another notice was received in its place before')
  return envelopeFrom(receipt)
}

/** Refuses a receipt that is not theirs, or is for another notice than this very one. */
export function checkNoticeReceipt(
  receipt: Envelope,
  by: { readonly identityKey: Uint8Array; readonly platformId: string },
  notice: Envelope,
): void {
  const opened = readStatement(NoticeReceiptSchema, receipt, by.identityKey)
  if (!('message' in opened)) throw new Refusal('NOTICE_INVALID', `the receipt is refused: ${opened.detail}`)
  const { platformId, noticeSha256 } = opened.message
  if (platformId !== by.platformId || !statementDigest(notice).equals(noticeSha256))
    throw new Refusal('NOTICE_INVALID', 'the receipt is for another notice')
}
