import { Command } from '@commander-js/extra-typings'
import { InvitationSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { DRY_RUN } from '../render/changed.ts'
import { invitationTable } from '../render/invitation.ts'

export const inviteRevoke = (run: Run) =>
  new Command('revoke')
    .description('make an invitation worthless; the peer and its other invitations stay')
    .argument('<invitation-id>', 'see: fedctl invite list')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, invitationId, options) => {
        // Revoked when the call returns: there is nothing to wait for.
        const said = { invitationId, dryRun: options.dryRun === true }
        const { invitation } = await session.clients.peers.revokeInvitation(said)
        if (!invitation) throw new Error('the registry answered without an invitation')
        const name = await namePeers(session)
        return {
          data: { dry_run: said.dryRun, invitation: plain(InvitationSchema, invitation) },
          text: (canvas) => `${said.dryRun ? `${DRY_RUN}\n` : ''}${invitationTable([invitation], canvas, name)}`,
        }
      }),
    )
