import type { Tx } from '@powernode/postgres'
import * as reviews from '../store/reviews.ts'
import type { Tables } from '../store/tables.ts'

/** A year and a little: this year's can be laid beside last year's. */
const KEPT_MS = 400 * 86_400_000

/** Reviews that nobody compares with any more are forgotten; the ledger has what they came to for good. */
export const forgetReviews = (tx: Tx<Tables>, now: Date): Promise<number> =>
  reviews.forget(tx, new Date(now.getTime() - KEPT_MS))
