import { Command } from '@commander-js/extra-typings'
import { CapabilitySchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { capabilityTable } from '../render/bridges.ts'

export const capabilityList = (run: Run) =>
  new Command('list')
    .description('how resources of each kind travel between a peer and us')
    .addOption(ofPeer())
    .action(
      run(async (session, { peer }) => {
        const peerId = await peerIdOf(session, peer)
        const { capabilities } = await session.clients.grants.listCapabilities({ peerId })
        const name = await namePeers(session)
        return {
          data: { capabilities: capabilities.map((one) => plain(CapabilitySchema, one)) },
          text: (canvas) => capabilityTable(capabilities, canvas, name),
        }
      }),
    )
