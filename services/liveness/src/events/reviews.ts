import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { ReviewCompletedSchema, ReviewedSchema } from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import { completedSeverity, findingCount, type Review, type ReviewList } from '../review-lists/review.ts'
import { itemToWire } from '../wire-reviews.ts'

/** How many items of a list its news names. */
const SAMPLE = 3

/** One list of a review in which something stands. It names several peers, so it is news of ours and of no peer. */
export function reviewed({ id, requestedBy: actor }: Review, list: ReviewList, at: Date): Announcement {
  const { key, severity, count, items } = list
  const sample = items.slice(0, SAMPLE).map(itemToWire)
  const payload = create(ReviewedSchema, { key, count, sample, reviewId: id })
  return { noun: 'liveness', word: 'reviewed', id, kind: `federation.review.${key}`, severity, actor, at, payload }
}

/** All lists of a review are drawn up. */
export function reviewCompleted(review: Review, at: Date): Announcement {
  const { id, requestedBy: actor } = review
  const payload = create(ReviewCompletedSchema, { reviewId: id, findingCount: findingCount(review) })
  const severity = completedSeverity(review)
  const kind = 'federation.manager.review_completed'
  return { noun: 'liveness', word: 'review_completed', id, kind, severity, actor, at, payload }
}
