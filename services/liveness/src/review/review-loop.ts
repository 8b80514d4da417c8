import { inTransaction, lead } from '@powernode/postgres'
import { forgetReviews } from '../operations/forget-reviews.ts'
import { dueFrom, findingCount, isLate } from '../review-lists/review.ts'
import * as reviews from '../store/reviews.ts'
import { drawUp, keep, type ReviewDeps } from './run-review.ts'

const LOOK_EVERY_MS = 10 * 60_000
const WEEKLY = { trigger: 'weekly', requestedBy: 'service/liveness' } as const

/** Every week one replica reviews all peerings. The database remembers when: nothing is missed or done twice by a restart. */
export const leadReviews = (deps: ReviewDeps, signal: AbortSignal): Promise<void> =>
  lead(deps, 'reviews', (leading) => lookAgainAndAgain(deps, leading), signal)

async function lookAgainAndAgain(deps: ReviewDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps
  const began = clock.now()
  while (!signal.aborted) {
    try {
      await reviewIfDue(deps, began, signal)
    } catch (error) {
      if (signal.aborted) return
      logger.error({ task: 'review', error }, 'the weekly review failed and will be repeated')
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

/**
 * The weekly review, if it is due and there is anybody to review; the first one since `began`. While somebody does not
 * answer it waits, for a day at most: then it says who is missing. True when one was kept.
 */
export async function reviewIfDue(deps: ReviewDeps, began: Date, signal: AbortSignal): Promise<boolean> {
  const { db, clock, logger } = deps
  await inTransaction(db, (tx) => forgetReviews(tx, clock.now()))
  const last = await inTransaction(db, (tx) => reviews.lastWeekly(tx))
  const due = last ? dueFrom(last) : began
  if (clock.now() < due) return false
  const { review, peers } = await drawUp(deps, WEEKLY, signal)
  const isWhole = review.unread.length === 0
  if (isWhole ? peers === 0 : !isLate(due, clock.now())) return false
  await keep(deps, review)
  logger.info({ task: 'review', count: findingCount(review) }, 'the weekly review is drawn up')
  return true
}
