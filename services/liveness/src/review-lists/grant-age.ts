import type { GrantRow, ReviewEvidence } from './evidence.ts'
import { days, daysBetween, wordsOf } from './grant-words.ts'
import type { ReviewItem } from './review.ts'

const EXPIRES_WITHIN_MS = 7 * 86_400_000
const OVERDUE_AFTER_DAYS = 90

/** Grants that end within a week: whose bearer stops working then. The soonest first. */
export const approachingExpiry = ({ grants }: ReviewEvidence, now: Date): readonly ReviewItem[] =>
  grants
    .filter(({ expiresAt }) => expiresAt > now && expiresAt.getTime() - now.getTime() <= EXPIRES_WITHIN_MS)
    .toSorted((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime())
    .map((grant) => ({
      ...about(grant),
      message: `${wordsOf(grant)} ends at ${grant.expiresAt.toISOString()}`,
      suggestion: 'renew it under the same bearer if it is still needed, or let it end',
      command: `fedctl grant renew ${grant.id}`,
    }))

/** Grants that were issued three months ago or more: somebody should say that they are still wanted. The oldest first. */
export const overdueForReview = ({ grants }: ReviewEvidence, now: Date): readonly ReviewItem[] =>
  grants
    .filter(({ issuedAt }) => daysBetween(issuedAt, now) >= OVERDUE_AFTER_DAYS)
    .toSorted((a, b) => a.issuedAt.getTime() - b.issuedAt.getTime())
    .map((grant) => ({
      ...about(grant),
      message: `${wordsOf(grant)} was issued ${days(daysBetween(grant.issuedAt, now))} ago`,
      suggestion: 'see whether it is still wanted; what is not, is revoked',
      command: `fedctl grant show ${grant.id}`,
    }))

const about = ({ id, peerId }: GrantRow) => ({ peerId, subject: id })
