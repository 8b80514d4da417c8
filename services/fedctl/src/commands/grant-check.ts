import { Command } from '@commander-js/extra-typings'
import { CheckGrantResponseSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { EXIT } from '../exit-codes.ts'
import { grantIdOf } from '../grant-id.ts'
import type { Run } from '../invoke.ts'
import { oneScope } from '../options.ts'
import { plain } from '../plain.ts'
import { verdictTable } from '../render/grants.ts'
import { present } from '../written.ts'
import { grantArgument } from './grant-show.ts'

export const grantCheck = (run: Run) =>
  new Command('check')
    .description('whether a grant would allow a call; changes nothing. Exit code 0 for yes, 4 for no')
    .addArgument(grantArgument())
    .addOption(oneScope().makeOptionMandatory())
    .option('--kind <kind>', "of which kind (default: the grant's)")
    .option('--id <id>', "which one (default: the grant's)")
    .option('--node <id>', "from which of the peer's nodes", '')
    .option('--network <id>', 'over which of our networks', '')
    .option('--from <address>', 'from which address', '')
    .action(
      run(async (session, named, options) => {
        const grantId = grantIdOf(named)
        const { grants } = session.clients
        const grant = present((await grants.getGrant({ grantId })).grant, 'a grant')
        const answer = await grants.checkGrant({
          peerId: grant.peerId,
          grantId,
          resourceKind: options.kind ?? grant.resourceKind,
          resourceId: options.id ?? grant.resourceId,
          scope: options.scope,
          nodeInstanceId: options.node,
          sdwanNetworkId: options.network,
          sourceAddress: options.from,
        })
        return {
          data: plain(CheckGrantResponseSchema, answer),
          text: (canvas) => verdictTable(answer.verdicts, canvas),
          exit: answer.allowed ? EXIT.done : EXIT.refusedByPolicy,
        }
      }),
    )
