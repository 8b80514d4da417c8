import { Command } from '@commander-js/extra-typings'
import { RemediationStatusSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { statusSheet } from '../render/remediations.ts'
import { present } from '../written.ts'

export const remediationStatus = (run: Run) =>
  new Command('status')
    .description('how the loop stands: what it may do, its breaker and budget, and since when silence counts')
    .action(
      run(async (session) => {
        const { status } = await session.clients.remediation.getRemediationStatus({})
        const known = present(status, 'how it stands')
        return {
          data: { status: plain(RemediationStatusSchema, known) },
          text: (canvas) => statusSheet(known, canvas),
          exit: known.breakerSince || known.mode !== 'acting' ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
