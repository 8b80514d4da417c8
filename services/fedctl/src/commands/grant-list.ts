import { Command } from '@commander-js/extra-typings'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { ofKind, ofPeer, someOf } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { grantTable } from '../render/grants.ts'

const STATUSES = ['active', 'expired', 'revoked', 'archived'] as const

export const grantList = (run: Run) =>
  new Command('list')
    .description('the grants we gave: to whom, for what, until when')
    .addOption(ofPeer())
    .addOption(ofKind())
    .addOption(someOf('--status <statuses>', 'only these (default: all but archived)', STATUSES))
    .action(
      run(async (session, { peer, kind, status = ['active', 'expired', 'revoked'] }) => {
        const filter = { peerId: await peerIdOf(session, peer), resourceKind: kind, statuses: [...status] }
        const grants = await allPages(
          (pageToken) => session.clients.grants.listGrants({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.grants,
        )
        const name = await namePeers(session)
        return {
          data: { grants: grants.map((grant) => plain(GrantSchema, grant)) },
          text: (canvas) => grantTable(grants, canvas, name),
        }
      }),
    )
