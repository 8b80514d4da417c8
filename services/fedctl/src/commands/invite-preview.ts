import { Command } from '@commander-js/extra-typings'
import { InvitationPreviewSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { EXIT } from '../exit-codes.ts'
import { invitationText } from '../invitation-text.ts'
import type { Run } from '../invoke.ts'
import { invitation } from '../options.ts'
import { plain } from '../plain.ts'
import { previewText } from '../render/invitation.ts'

export const invitePreview = (run: Run) =>
  new Command('preview')
    .description('read an invitation without using it up: from whom, which contract, until when')
    .addArgument(invitation())
    .option('--no-probe', 'do not look whether the inviter answers; contacts nobody')
    .action(
      run(async (session, given, { probe }) => {
        const text = invitationText(given, session.env)
        const { preview } = await session.clients.peers.previewInvitation({ invitation: text, probe })
        if (!preview) throw new Error('the registry answered without a preview')
        return {
          data: plain(InvitationPreviewSchema, preview),
          text: (canvas) => previewText(preview, canvas),
          exit: preview.problems.length > 0 ? EXIT.refusedByPolicy : EXIT.done,
        }
      }),
    )
