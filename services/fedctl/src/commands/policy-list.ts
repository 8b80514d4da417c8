import { Command } from '@commander-js/extra-typings'
import { PolicySchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { policyTable } from '../render/approvals.ts'

export const policyList = (run: Run) =>
  new Command('list').description('which acts need approval, and how many approvers').action(
    run(async (session) => {
      const { policies } = await session.clients.approvals.listPolicies({})
      return {
        data: { policies: policies.map((policy) => plain(PolicySchema, policy)) },
        text: (canvas) => policyTable(policies, canvas),
      }
    }),
  )
