import { Command } from '@commander-js/extra-typings'
import { TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Run } from '../invoke.ts'
import { invitationText } from '../invitation-text.ts'
import { dryRun, invitation, trust, wait } from '../options.ts'
import { changedPeer } from '../render/changed.ts'
import { valueOf } from '../render/words.ts'
import { isWaiting, untilUp } from '../wait.ts'

export const peerAccept = (run: Run) =>
  new Command('accept')
    .description('take up an invitation that another platform gave us')
    .addArgument(invitation())
    .option('--url <url>', "the inviter's gateway; only with a bare token", '')
    .option('--ca-pin <sha256>', "SHA-256 of the inviter's root CA, hex; only with a bare token", '')
    .option('--name <name>', 'what to call the peer here', '')
    .addOption(trust())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, given, options) => {
        const { peer } = await session.clients.peers.acceptInvitation({
          invitation: invitationText(given, session.env),
          url: options.url,
          caPin: options.caPin.replaceAll(':', '').toLowerCase(),
          name: options.name,
          trustMode: valueOf(TrustMode, options.trust),
          dryRun: options.dryRun === true,
        })
        if (!isWaiting(options.wait) || options.dryRun || !peer) return changedPeer(peer, options.dryRun)
        return changedPeer(await untilUp(session, peer.id, options.wait), false)
      }),
    )
