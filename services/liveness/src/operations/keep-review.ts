import { appendAll } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { reviewCompleted, reviewed } from '../events/reviews.ts'
import type { Review } from '../review-lists/review.ts'
import * as reviews from '../store/reviews.ts'
import type { Tables } from '../store/tables.ts'

/**
 * A review is drawn up: it is kept, each list that is not empty is news, and last that it is complete.
 *
 * One act: whoever reads that a review was completed finds it. Heard by audit-ledger.
 */
export async function keepReview(tx: Tx<Tables>, now: Date, review: Review): Promise<void> {
  await reviews.insert(tx, review)
  const found = review.lists.filter(({ count }) => count > 0)
  await appendAll(tx, [...found.map((list) => reviewed(review, list, now)), reviewCompleted(review, now)])
}
