import { Command } from '@commander-js/extra-typings'
import { ReviewSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { reviewSheet } from '../render/reviews.ts'
import { uuid } from '../values.ts'
import { present } from '../written.ts'

export const reviewShow = (run: Run) =>
  new Command('show')
    .description('one review, list by list, each line with the command that follows from it')
    .argument('[review]', 'its id (see: fedctl review list); the newest when none is named', uuid)
    .action(
      run(async (session, id = '') => {
        const review = present((await session.clients.governance.getReview({ id })).review, 'a review')
        const name = await namePeers(session)
        return { data: { review: plain(ReviewSchema, review) }, text: (canvas) => reviewSheet(review, canvas, name) }
      }),
    )
