import { Command } from '@commander-js/extra-typings'
import { RoleSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { roleTable } from '../render/operators.ts'
import { listed } from '../values.ts'
import { present, written } from '../written.ts'

export const operatorRoleSet = (run: Run) =>
  new Command('set')
    .description('make a role of our own, or change what it may')
    .argument('<name>', 'for example residency-officer')
    .requiredOption('--permission <permissions>', 'what it may, by commas (see: fedctl operator roles)', listed)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, { permission: permissions, dryRun: isDryRun }) => {
        const answer = await session.clients.operators.setRole({
          role: { name, permissions },
          dryRun: isDryRun === true,
        })
        const role = present(answer.role, 'a role')
        return written({
          dryRun: isDryRun,
          data: { role: plain(RoleSchema, role) },
          text: (canvas) => roleTable([role], canvas),
        })
      }),
    )
