import { Refusal } from '@powernode/rpc'
import { DAY_MS } from './invitation.ts'

export type NoticeKind = 'compromise' | 'revocation'
export type NoticeDirection = 'sent' | 'received'

/** What one platform told another about itself, and must not be able to deny. Never changed once it is written. */
export type Notice = {
  readonly id: string
  readonly kind: NoticeKind
  readonly direction: NoticeDirection
  /** Of a compromise: its id at the sender's. */
  readonly senderId: string | null
  /** Who sent it; of a revocation that we sent, whose peering ended. What we declare concerns every partner. */
  readonly peerId: string | null
  readonly summary: string
  readonly affected: readonly string[]
  readonly advice: string
  readonly discoveredAt: Date | null
  readonly declaredAt: Date
  readonly dueAt: Date | null
  readonly declaredBy: string
  readonly receivedAt: Date | null
  /** Of a received one: what they said and what we answered, as envelopes. */
  readonly statement: Buffer | null
  readonly receipt: Buffer | null
}

/** A compromise as it is told: the same by whoever tells it. */
export type Compromise = {
  readonly summary: string
  readonly affected: readonly string[]
  readonly advice: string
  readonly discoveredAt: Date
}

export type DeliveryStatus = 'owed' | 'delivered' | 'given_up'

/** Whether one partner has heard a notice of ours. */
export type Delivery = {
  readonly noticeId: string
  readonly peerId: string
  readonly status: DeliveryStatus
  readonly attempts: number
  readonly lastError: string
  readonly settledAt: Date | null
  readonly statement: Buffer | null
  readonly receipt: Buffer | null
}

/** A delivery to begin with. */
export const OWED = {
  status: 'owed',
  attempts: 0,
  lastError: '',
  settledAt: null,
  statement: null,
  receipt: null,
} as const satisfies Omit<Delivery, 'noticeId' | 'peerId'>

/** Social contract, commitment 9: every partner knows within 24 hours of the discovery. */
export const TOLD_WITHIN_MS = DAY_MS

/** How long who does not answer is tried: as long as an event waits for a consumer that is away. */
export const TRIED_FOR_MS = 30 * DAY_MS

/** Of every notice of ours: its id, who declared it, and when. */
export type Declaring = { readonly id: string; readonly by: string; readonly at: Date }

/** The notice by which we say that we were compromised. Nobody discovers what has not happened yet. */
export function declared(said: Compromise, declaring: Declaring): Notice {
  if (said.discoveredAt > declaring.at)
    throw new Refusal('NOTICE_INVALID', 'a compromise cannot have been discovered in the future', {
      metadata: { discovered_at: said.discoveredAt.toISOString() },
      next: 'leave --discovered away when it was just now',
    })
  const { id } = declaring
  return { ...ours(declaring), ...said, senderId: id, kind: 'compromise', peerId: null, dueAt: dueAt(said) }
}

/** The notice by which a peering ends. */
export const ended = (peerId: string, summary: string, declaring: Declaring): Notice => ({
  ...ours(declaring),
  kind: 'revocation',
  peerId,
  summary,
})

const ours = ({ id, by, at }: Declaring): Omit<Notice, 'kind' | 'peerId' | 'summary'> => ({
  id,
  direction: 'sent',
  senderId: null,
  affected: [],
  advice: '',
  discoveredAt: null,
  declaredAt: at,
  dueAt: null,
  declaredBy: by,
  receivedAt: null,
  statement: null,
  receipt: null,
})

/** By when every partner has to know. */
export const dueAt = ({ discoveredAt }: Compromise): Date => new Date(discoveredAt.getTime() + TOLD_WITHIN_MS)
