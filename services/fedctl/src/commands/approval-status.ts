import { Command } from '@commander-js/extra-typings'
import { AutonomySchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { plainApproval } from '../approval-plan.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { approvalTable, autonomyText } from '../render/approvals.ts'
import { present } from '../written.ts'

export const approvalStatus = (run: Run) =>
  new Command('status').description('whether what acts by itself may act, and what waits').action(
    run(async (session) => {
      const { approvals: service } = session.clients
      const [answer, { approvals }] = await Promise.all([
        service.getAutonomy({}),
        service.listApprovals({ states: ['pending'], pageSize: 100 }),
      ])
      const autonomy = present(answer.autonomy, 'whether it is halted')
      const name = await namePeers(session)
      return {
        data: { autonomy: plain(AutonomySchema, autonomy), pending: approvals.map(plainApproval) },
        text: (canvas) => `${autonomyText(autonomy, canvas)}\n\n${approvalTable(approvals, canvas, name)}`,
        exit: autonomy.halted || approvals.length > 0 ? EXIT.doneWithOpenItems : EXIT.done,
      }
    }),
  )
