import { Command } from '@commander-js/extra-typings'
import { AutonomySchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, reason, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { autonomyText } from '../render/approvals.ts'
import { present, written } from '../written.ts'

export const approvalResume = (run: Run) =>
  new Command('resume')
    .description('let what acts by itself act again')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, { reason: why, dryRun: isDryRun }) => {
        if (!isDryRun) await session.confirm('Agents act again, and what was approved for them is carried out. Go on?')
        const answer = await session.clients.approvals.resume({ reason: why, dryRun: isDryRun === true })
        const autonomy = present(answer.autonomy, 'whether it is halted')
        return written({
          dryRun: isDryRun,
          data: { autonomy: plain(AutonomySchema, autonomy) },
          text: (canvas) => autonomyText(autonomy, canvas),
        })
      }),
    )
