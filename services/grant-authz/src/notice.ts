/** What a peer's platform can be told of a grant. */
export type NoticeWord = 'issued' | 'changed' | 'renewed' | 'revoked' | 'expiring'

/** What is still to be told of a grant. */
export type OwedNotice = {
  readonly grantId: string
  readonly peerId: string
  readonly what: NoticeWord
  /** With "issued" alone, until it has arrived. */
  readonly sealedBearer: Buffer | null
  readonly attempts: number
  /** How often there was something to tell: more of them by the end mean that it is not all told. */
  readonly rings: number
}

/** For so long a peer that cannot be reached is told that a grant is over; then it will have noticed. */
export const TOLD_AFTER_END_MS = 7 * 86_400_000
