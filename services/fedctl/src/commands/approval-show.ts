import { Command } from '@commander-js/extra-typings'
import { plainApproval, plainPlan } from '../approval-plan.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { approvalSheet } from '../render/approvals.ts'
import { present } from '../written.ts'

export const approvalShow = (run: Run) =>
  new Command('show')
    .description('what would be done, who asked, who has voted, and the plan')
    .argument('<approval>', 'its id (see: fedctl approval list)')
    .action(
      run(async (session, approvalId) => {
        const approval = present((await session.clients.approvals.getApproval({ approvalId })).approval, 'an approval')
        const name = await namePeers(session)
        return {
          data: { approval: plainApproval(approval) },
          text: (canvas) => approvalSheet(approval, plainPlan(approval), canvas, name),
        }
      }),
    )
