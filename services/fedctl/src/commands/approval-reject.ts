import { Command } from '@commander-js/extra-typings'
import { plainApproval } from '../approval-plan.ts'
import type { Run } from '../invoke.ts'
import { dryRun, reason, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { approvalTable } from '../render/approvals.ts'
import { present, written } from '../written.ts'

export const approvalReject = (run: Run) =>
  new Command('reject')
    .description('say no to what waits: one no is enough')
    .argument('<approval>', 'its id (see: fedctl approval list)')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, approvalId, options) => {
        // Rejected when the call returns: there is nothing to wait for.
        const said = { approvalId, reason: options.reason, dryRun: options.dryRun === true }
        const approval = present((await session.clients.approvals.reject(said)).approval, 'an approval')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { approval: plainApproval(approval) },
          text: (canvas) => approvalTable([approval], canvas, name),
        })
      }),
    )
