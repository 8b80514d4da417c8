import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { OverrideSchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, peer, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { overrideTable } from '../render/residency.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { durationMs } from '../values.ts'
import { present, written } from '../written.ts'

export const residencyOverrideCreate = (run: Run) =>
  new Command('create')
    .description('allow one call that residency forbids, once')
    .addArgument(peer())
    .requiredOption('--kind <kind>', 'of which kind of resource')
    .option('--id <id>', 'only this one of the kind', '')
    .requiredOption('--reason <text>', 'why; stands in the ledger')
    .option('--ttl <duration>', 'how long it waits to be used: 1m to 1d (default 1h)', durationMs)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id: peerId } = await resolvePeer(session, named)
        // In force when the call returns: there is nothing to wait for.
        const answer = await session.clients.residency.createOverride({
          peerId,
          resourceKind: options.kind,
          resourceId: options.id,
          reason: options.reason,
          ...(options.ttl !== undefined && { ttl: durationFromMs(options.ttl) }),
          dryRun: options.dryRun === true,
        })
        const override = present(answer.override, 'an override')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { override: plain(OverrideSchema, override) },
          text: (canvas) => overrideTable([override], canvas, name),
        })
      }),
    )
