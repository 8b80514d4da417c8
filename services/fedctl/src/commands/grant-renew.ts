import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { grantIdOf } from '../grant-id.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { grantSheet } from '../render/grants.ts'
import { durationMs } from '../values.ts'
import { present, written } from '../written.ts'
import { grantArgument } from './grant-show.ts'

export const grantRenew = (run: Run) =>
  new Command('renew')
    .description('a later end, under the same bearer')
    .addArgument(grantArgument())
    .option('--ttl <duration>', 'from now on (default: as long as it was issued for)', durationMs)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        // In force when the call returns: there is nothing to wait for.
        const { grant } = await session.clients.grants.renewGrant({
          grantId: grantIdOf(named),
          ...(options.ttl !== undefined && { ttl: durationFromMs(options.ttl) }),
          dryRun: options.dryRun === true,
        })
        const now = present(grant, 'a grant')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { grant: plain(GrantSchema, now) },
          text: (canvas) => grantSheet(now, canvas, name),
        })
      }),
    )
