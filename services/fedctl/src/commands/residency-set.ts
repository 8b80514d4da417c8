import { Command } from '@commander-js/extra-typings'
import { ResidencySchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, mode, peer, reason, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { enforcementText } from '../render/durations.ts'
import { residencyTable } from '../render/residency.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { plainEnforcement, present, written } from '../written.ts'

export const residencySet = (run: Run) =>
  new Command('set')
    .description(
      'our data that goes to this peer stays in a region; set again, it accepts where the peer says it is now',
    )
    .addArgument(peer())
    .argument('[region]', 'a region of ours (see: fedctl residency rules)', '')
    .option('--clear', 'take the tag away')
    .addOption(mode())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, dataResidency, options) => {
        if ((dataResidency === '') !== (options.clear === true))
          throw usage('either a region or --clear', 'fedctl residency set <peer> eu')
        const { id: peerId } = await resolvePeer(session, named)
        // In force everywhere when the call returns: there is nothing to wait for.
        const { residency, enforcement } = await session.clients.residency.setDataResidency({
          peerId,
          dataResidency,
          mode: options.mode ?? '',
          reason: options.reason,
          dryRun: options.dryRun === true,
        })
        const now = present(residency, 'a residency')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: {
            residency: plain(ResidencySchema, now),
            enforcement: plainEnforcement(enforcement),
          },
          text: (canvas) =>
            [residencyTable([now], canvas, name), enforcementText(enforcement)].filter(Boolean).join('\n'),
        })
      }),
    )
