import type { JsonObject } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, peer, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { changedPeer } from '../render/changed.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { pairs } from '../values.ts'

export const peerUpdate = (run: Run) =>
  new Command('update')
    .description('change what we call a peer, or where it can be reached')
    .addArgument(peer())
    .option('--name <name>', 'what to call the peer here')
    .option('--url <url>', "the other platform's gateway")
    .option('--metadata <key=value>', 'replaces what was kept; can be repeated', pairs)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { name, url, metadata, dryRun: isDryRun }) => {
        if (name === undefined && url === undefined && !metadata)
          throw usage('nothing was given to change', 'fedctl peer update <peer> --name … --url … --metadata key=value')
        const { id } = await resolvePeer(session, named)
        // Changed when the call returns: there is nothing to wait for.
        const { peer: changed } = await session.clients.peers.updatePeer({
          peerId: id,
          ...(name !== undefined && { name }),
          ...(url !== undefined && { url }),
          ...(metadata && { metadata: metadata as JsonObject }), // pairs() makes nothing but JSON
          dryRun: isDryRun === true,
        })
        return changedPeer(changed, isDryRun)
      }),
    )
