import { Command } from '@commander-js/extra-typings'
import { ReviewSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { reviewSheet } from '../render/reviews.ts'
import { present, written } from '../written.ts'

export const reviewRun = (run: Run) =>
  new Command('run')
    .description('review all peerings now: what ends, what is broad, what nobody uses, and what to do about it')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, options) => {
        // Drawn up when the call returns: there is nothing to wait for.
        const answer = await session.clients.governance.runReview({ dryRun: options.dryRun === true })
        const review = present(answer.review, 'a review')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { review: plain(ReviewSchema, review) },
          text: (canvas) => reviewSheet(review, canvas, name),
        })
      }),
    )
