import { Command } from '@commander-js/extra-typings'
import { examineOne, exitOf, plainExamination } from '../doctor.ts'
import type { Run } from '../invoke.ts'
import { peer } from '../options.ts'
import { examinationText } from '../render/doctor.ts'

export const doctorPeer = (run: Run) =>
  new Command('peer')
    .description('what is wrong with one peering, seen from both ends at once; exit codes as of doctor')
    .addArgument(peer())
    .option('--no-both-ends', 'do not ask the other side')
    .action(
      run(async (session, named, { bothEnds }) => {
        const found = await examineOne(session, named, bothEnds)
        return {
          data: plainExamination(found),
          text: (canvas) => examinationText(found, { all: true }, canvas),
          exit: exitOf(found),
        }
      }),
    )
