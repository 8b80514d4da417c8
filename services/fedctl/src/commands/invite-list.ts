import { Command } from '@commander-js/extra-typings'
import { InvitationSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { invitationTable } from '../render/invitation.ts'
import { resolvePeer } from '../resolve-peer.ts'

export const inviteList = (run: Run) =>
  new Command('list')
    .description('invitations and what became of them; the tokens are kept nowhere')
    .argument('[peer]', 'only of this peer: id, name or platform id')
    .action(
      run(async (session, named) => {
        const peerId = named ? (await resolvePeer(session, named)).id : ''
        const invitations = await allPages(
          (pageToken) => session.clients.peers.listInvitations({ peerId, pageSize: 1000, pageToken }),
          (page) => page.invitations,
        )
        const name = await namePeers(session)
        return {
          data: { invitations: invitations.map((invitation) => plain(InvitationSchema, invitation)) },
          text: (canvas) => invitationTable(invitations, canvas, name),
        }
      }),
    )
