import { Command } from '@commander-js/extra-typings'
import { ReviewSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { plain } from '../plain.ts'
import { reviewTable } from '../render/reviews.ts'

export const reviewList = (run: Run) =>
  new Command('list').description('reviews there were, weekly and on demand: the newest first').action(
    run(async (session) => {
      const reviews = await allPages(
        (pageToken) => session.clients.governance.listReviews({ pageSize: 1000, pageToken }),
        (page) => page.reviews,
      )
      return {
        data: { reviews: reviews.map((review) => plain(ReviewSchema, review)) },
        text: (canvas) => reviewTable(reviews, canvas),
      }
    }),
  )
