import { Command } from '@commander-js/extra-typings'
import { OverrideSchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { overrideTable } from '../render/residency.ts'
import { present, written } from '../written.ts'

export const residencyOverrideRevoke = (run: Run) =>
  new Command('revoke')
    .description('take an override back before it is used')
    .argument('<override-id>', 'see: fedctl residency override list')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, overrideId, options) => {
        // Revoked when the call returns: there is nothing to wait for.
        const said = { overrideId, dryRun: options.dryRun === true }
        const override = present((await session.clients.residency.revokeOverride(said)).override, 'an override')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { override: plain(OverrideSchema, override) },
          text: (canvas) => overrideTable([override], canvas, name),
        })
      }),
    )
