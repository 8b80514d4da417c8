import { Command } from '@commander-js/extra-typings'
import { plainApproval } from '../approval-plan.ts'
import type { Run } from '../invoke.ts'
import { ofPeer, someOf } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { approvalTable } from '../render/approvals.ts'

const STATES = ['pending', 'approved', 'rejected', 'timed_out', 'executed', 'failed'] as const

export const approvalList = (run: Run) =>
  new Command('list')
    .description('what waits for approval; with --state what became of the others')
    .addOption(someOf('--state <states>', 'in these states (default: pending and approved)', STATES))
    .addOption(ofPeer())
    .action(
      run(async (session, { state = ['pending', 'approved'], peer }) => {
        const filter = { states: [...state], peerId: await peerIdOf(session, peer) }
        const approvals = await allPages(
          (pageToken) => session.clients.approvals.listApprovals({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.approvals,
        )
        const name = await namePeers(session)
        return {
          data: { approvals: approvals.map(plainApproval) },
          text: (canvas) => approvalTable(approvals, canvas, name),
        }
      }),
    )
