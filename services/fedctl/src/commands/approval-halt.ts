import { Command } from '@commander-js/extra-typings'
import { AutonomySchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { autonomyText } from '../render/approvals.ts'
import { present, written } from '../written.ts'

export const approvalHalt = (run: Run) =>
  new Command('halt')
    .description('stop what acts by itself: agents, and what was approved for them; people go on')
    .requiredOption('--reason <text>', 'why; stands in the ledger')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, { reason, dryRun: isDryRun }) => {
        // It asks nothing first: who reaches for this is in a hurry, and it is undone with resume.
        const answer = await session.clients.approvals.halt({ reason, dryRun: isDryRun === true })
        const autonomy = present(answer.autonomy, 'whether it is halted')
        return written({
          dryRun: isDryRun,
          data: { autonomy: plain(AutonomySchema, autonomy) },
          text: (canvas) => autonomyText(autonomy, canvas),
        })
      }),
    )
