import { Command } from '@commander-js/extra-typings'
import { childPeerId } from '../child-peer.ts'
import type { Run } from '../invoke.ts'
import { child, dryRun, reason, wait } from '../options.ts'
import { relationshipChanged } from '../relationship-changed.ts'

export const childAdopt = (run: Run) =>
  new Command('adopt')
    .description('the way back from emancipation: managed again once the child has asked for it too')
    .addArgument(child())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const peerId = await childPeerId(session, named)
        const said = { peerId, as: 'parent', reason: options.reason, dryRun: options.dryRun === true }
        return relationshipChanged(await session.clients.peers.adoptPeer(said), options.dryRun)
      }),
    )
