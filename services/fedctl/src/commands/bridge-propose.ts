import { Command } from '@commander-js/extra-typings'
import { NetworkBridgeSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, peer, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { bridgeTable } from '../render/bridges.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { present, written } from '../written.ts'

export const bridgePropose = (run: Run) =>
  new Command('propose')
    .description('a peer may be met on one of our networks, once the bridge is active')
    .addArgument(peer())
    .argument('<network>', 'the id of the network')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, sdwanNetworkId, options) => {
        const { id: peerId } = await resolvePeer(session, named)
        // Proposed when the call returns: there is nothing to wait for.
        const answer = await session.clients.grants.proposeBridge({
          peerId,
          sdwanNetworkId,
          dryRun: options.dryRun === true,
        })
        const bridge = present(answer.bridge, 'a bridge')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { bridge: plain(NetworkBridgeSchema, bridge) },
          text: (canvas) => {
            const next = options.dryRun ? '' : canvas.paste(`\n\nnext  fedctl bridge activate ${bridge.id}`)
            return `${bridgeTable([bridge], canvas, name)}${next}`
          },
        })
      }),
    )
