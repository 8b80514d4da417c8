import { Command } from '@commander-js/extra-typings'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { grantTable } from '../render/grants.ts'

export const grantReceived = (run: Run) =>
  new Command('received')
    .description('the grants that peers gave us and told us of; bearers are not shown')
    .addOption(ofPeer())
    .action(
      run(async (session, { peer }) => {
        const peerId = await peerIdOf(session, peer)
        const grants = await allPages(
          (pageToken) => session.clients.grants.listReceivedGrants({ peerId, pageSize: 1000, pageToken }),
          (page) => page.grants,
        )
        const name = await namePeers(session)
        return {
          data: { grants: grants.map((grant) => plain(GrantSchema, grant)) },
          text: (canvas) => (grants.length > 0 ? grantTable(grants, canvas, name) : 'no peer told us of a grant'),
        }
      }),
    )
