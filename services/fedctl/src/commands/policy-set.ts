import { Argument, Command } from '@commander-js/extra-typings'
import { PolicySchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { policyTable } from '../render/approvals.ts'
import { whole } from '../values.ts'
import { present, written } from '../written.ts'

const VERBS = ['auto_approve', 'notify_and_proceed', 'require_approval', 'blocked'] as const

export const policySet = (run: Run) =>
  new Command('set')
    .description('what becomes of an act: done, done and told, queued for approval, or forbidden')
    .argument('<action>', 'for example sdwan.federation_peer_revoke (see: fedctl policy list)')
    .addArgument(new Argument('<policy>', 'what becomes of it').choices(VERBS))
    .option('--approvers <count>', 'how many different people have to approve (default: as before)', whole, 0)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, action, verb, { approvers, dryRun: isDryRun }) => {
        // Known to every service within moments: there is nothing to wait for.
        const answer = await session.clients.approvals.setPolicy({ action, verb, approvers, dryRun: isDryRun === true })
        const policy = present(answer.policy, 'a policy')
        return written({
          dryRun: isDryRun,
          data: { policy: plain(PolicySchema, policy) },
          text: (canvas) => policyTable([policy], canvas),
        })
      }),
    )
