import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { reviewList } from '../commands/review-list.ts'
import { reviewRun } from '../commands/review-run.ts'
import { reviewShow } from '../commands/review-show.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** What the FederationManager finds, weekly and on demand. */
export const reviewNoun = (run: Run): CommandUnknownOpts =>
  noun('review', 'what ends, what is broad, what nobody uses: weekly by itself, or now')
    .addCommand(reviewRun(run))
    .addCommand(reviewList(run))
    .addCommand(reviewShow(run))
