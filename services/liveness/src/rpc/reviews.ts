import type { ServiceImpl } from '@connectrpc/connect'
import { inTransaction } from '@powernode/postgres'
import type { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { drawUp, runReview } from '../review/run-review.ts'
import * as reviews from '../store/reviews.ts'
import { reviewToWire } from '../wire-reviews.ts'
import { isPeerId as isId, pageToken, readPageToken } from './page-token.ts'

type Own = 'runReview' | 'listReviews' | 'getReview'

export const REVIEW_CALLERS = {
  runReview: ['system.federation_peers.manage'],
  listReviews: ['system.federation.read'],
  getReview: ['system.federation.read'],
} as const satisfies Pick<CallersTable<typeof GovernanceService>, Own>

const PAGE = 100

/** Reviews, now and as they were. */
export const reviewHandlers = (deps: GovernanceDeps): Pick<ServiceImpl<typeof GovernanceService>, Own> => ({
  async runReview({ dryRun }, context) {
    const said = { trigger: 'on_demand', requestedBy: requestOf(context).actor } as const
    const review = dryRun
      ? { ...(await drawUp(deps, said, context.signal)).review, id: '' }
      : await runReview(deps, said, context.signal)
    return { review: reviewToWire(review, { isWhole: true }) }
  },

  async listReviews({ pageSize, pageToken: token }) {
    const limit = pageSize || PAGE
    const beforeId = token === '' ? undefined : readPageToken(token)
    const page = await inTransaction(deps.db, (tx) => reviews.page(tx, { beforeId, limit: limit + 1 }))
    const shown = page.slice(0, limit)
    const last = page.length > limit ? shown.at(-1) : undefined
    return {
      reviews: shown.map((review) => reviewToWire(review, { isWhole: false })),
      nextPageToken: last ? pageToken(last.id) : '',
    }
  },

  async getReview({ id }) {
    const review = await inTransaction(deps.db, async (tx) => {
      if (id === '') return reviews.newest(tx)
      return isId(id) ? reviews.find(tx, id) : undefined
    })
    if (!review)
      throw new Refusal('REVIEW_NOT_FOUND', id === '' ? 'there was no review yet' : `there is no review ${id}`, {
        next: 'fedctl review run',
      })
    return { review: reviewToWire(review, { isWhole: true }) }
  },
})
