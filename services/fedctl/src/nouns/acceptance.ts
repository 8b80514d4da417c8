import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { acceptanceList } from '../commands/acceptance-list.ts'
import { acceptanceRetry } from '../commands/acceptance-retry.ts'
import { acceptanceRun } from '../commands/acceptance-run.ts'
import { acceptanceShow } from '../commands/acceptance-show.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** The accepting skill: what `peer accept` begins, followed to its end. */
export const acceptanceNoun = (run: Run): CommandUnknownOpts =>
  noun('acceptance', 'an invitation taken up with everything that follows, step by step, under approval')
    .addCommand(acceptanceRun(run))
    .addCommand(acceptanceList(run))
    .addCommand(acceptanceShow(run))
    .addCommand(acceptanceRetry(run))
