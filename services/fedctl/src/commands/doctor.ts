import { Command } from '@commander-js/extra-typings'
import { examineOurs, exitOf, plainExamination } from '../doctor.ts'
import type { Run } from '../invoke.ts'
import { examinationText } from '../render/doctor.ts'
import { doctorPeer } from './doctor-peer.ts'

export const doctor = (run: Run) =>
  new Command('doctor')
    .description(
      'what is wrong with this platform, whose it is, and what mends it; changes nothing. ' +
        'Exit code 0: nothing, 3: something needs an eye, 1: something does not work',
    )
    .option('--all', 'also what is well, line by line')
    .action(
      run(async (session, { all = false }) => {
        const found = await examineOurs(session)
        return {
          data: plainExamination(found),
          text: (canvas) => examinationText(found, { all }, canvas),
          exit: exitOf(found),
        }
      }),
    )
    .addCommand(doctorPeer(run))
