import { Command } from '@commander-js/extra-typings'
import { NetworkBridgeSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { bridgeTable } from '../render/bridges.ts'

export const bridgeList = (run: Run) =>
  new Command('list')
    .description('where peers may be met: networks and the state of each bridge')
    .addOption(ofPeer())
    .action(
      run(async (session, { peer }) => {
        const peerId = await peerIdOf(session, peer)
        const bridges = await allPages(
          (pageToken) => session.clients.grants.listBridges({ peerId, pageSize: 1000, pageToken }),
          (page) => page.bridges,
        )
        const name = await namePeers(session)
        return {
          data: { bridges: bridges.map((bridge) => plain(NetworkBridgeSchema, bridge)) },
          text: (canvas) => bridgeTable(bridges, canvas, name),
        }
      }),
    )
