import { Command, Option } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, peer, reason, wait } from '../options.ts'
import { relationshipChanged } from '../relationship-changed.ts'
import { resolvePeer } from '../resolve-peer.ts'

export const peerAdopt = (run: Run) =>
  new Command('adopt')
    .description('the way back from emancipation: managed again once both sides have asked for it')
    .addArgument(peer())
    .addOption(new Option('--as <role>', 'what we are to be').choices(['parent', 'child']).makeOptionMandatory())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id } = await resolvePeer(session, named)
        const said = { peerId: id, as: options.as, reason: options.reason, dryRun: options.dryRun === true }
        return relationshipChanged(await session.clients.peers.adoptPeer(said), options.dryRun)
      }),
    )
