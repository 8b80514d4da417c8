import { inTransaction, newId } from '@powernode/postgres'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { keepReview } from '../operations/keep-review.ts'
import { REVIEW_SOURCES } from '../review-lists/evidence.ts'
import { listsOf } from '../review-lists/lists.ts'
import type { Review, Trigger } from '../review-lists/review.ts'
import * as reviews from '../store/reviews.ts'
import { readReview } from './read-review.ts'

export type ReviewDeps = Pick<GovernanceDeps, 'db' | 'clock' | 'logger' | 'owners' | 'feed'>

/** A review, and whether there is anybody to review. */
export type DrawnUp = { readonly review: Review; readonly peers: number }

/** Reads and draws up; keeps nothing. */
export async function drawUp(
  deps: ReviewDeps,
  said: { readonly trigger: Trigger; readonly requestedBy: string },
  signal: AbortSignal,
): Promise<DrawnUp> {
  const { db, clock } = deps
  const startedAt = clock.now()
  const before = await inTransaction(db, (tx) => reviews.newest(tx))
  const evidence = await readReview(deps, before?.startedAt, signal)
  const completedAt = clock.now()
  const lists = listsOf(evidence, completedAt)
  const unread = [...new Set([...evidence.unread].map((source) => REVIEW_SOURCES[source]))].toSorted()
  const { archivedGrants, peers } = evidence
  const review = { ...said, id: newId(startedAt), startedAt, completedAt, lists, unread, archivedGrants }
  return { review, peers: peers.length }
}

/** Draws up a review and keeps it. */
export async function runReview(
  deps: ReviewDeps,
  said: { readonly trigger: Trigger; readonly requestedBy: string },
  signal: AbortSignal,
): Promise<Review> {
  const { review } = await drawUp(deps, said, signal)
  await keep(deps, review)
  return review
}

export const keep = ({ db, clock }: ReviewDeps, review: Review): Promise<void> =>
  inTransaction(db, (tx) => keepReview(tx, clock.now(), review))
