import { Command } from '@commander-js/extra-typings'
import { RoleSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { roleTable } from '../render/operators.ts'

export const operatorRoles = (run: Run) =>
  new Command('roles').description('which roles there are, and what each may').action(
    run(async (session) => {
      const { roles } = await session.clients.operators.listRoles({})
      return {
        data: { roles: roles.map((role) => plain(RoleSchema, role)) },
        text: (canvas) => roleTable(roles, canvas),
      }
    }),
  )
