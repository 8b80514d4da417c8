import { broadScope } from './broad-scope.ts'
import { driftOf } from './capability-drift.ts'
import { rotationCandidates } from './cert-rotation.ts'
import type { ReviewEvidence, ReviewSource } from './evidence.ts'
import { approachingExpiry, overdueForReview } from './grant-age.ts'
import { LIST_KEYS, listOf, type ListKey, type ReviewItem, type ReviewList } from './review.ts'
import { unusedGrants } from './unused-grants.ts'

type Rule = {
  readonly reads: readonly ReviewSource[]
  readonly items: (evidence: ReviewEvidence, now: Date) => readonly ReviewItem[]
}

/** What each list is drawn up from, and how. */
const RULES: Readonly<Record<ListKey, Rule>> = {
  cert_rotation_candidates: { reads: ['peers', 'certificates'], items: rotationCandidates },
  grants_approaching_expiry: { reads: ['grants'], items: approachingExpiry },
  grants_overdue_for_review: { reads: ['grants'], items: overdueForReview },
  broad_scope_grants: { reads: ['grants'], items: broadScope },
  capability_drift: { reads: ['peers', 'capabilities'], items: driftOf },
  unused_grants: { reads: ['grants', 'use'], items: unusedGrants },
}

/**
 * Every list of a review, in the order of the source documents. One whose sources could not be read is left out: that
 * nothing was found would be another word than that nobody looked.
 */
export function listsOf(evidence: ReviewEvidence, now: Date): readonly ReviewList[] {
  const readable = LIST_KEYS.filter((key) => RULES[key].reads.every((source) => !evidence.unread.has(source)))
  return readable.map((key) => listOf(key, RULES[key].items(evidence, now)))
}
