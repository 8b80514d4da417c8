import { Command, Option } from '@commander-js/extra-typings'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { JsonObject } from '@bufbuild/protobuf'
import { PeerKind, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { ProposePeerResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plainMinted } from '../minted.ts'
import { dryRun, note, ttl, wait } from '../options.ts'
import type { Outcome } from '../output.ts'
import { changedPeer } from '../render/changed.ts'
import { mintedText } from '../render/invitation.ts'
import { valueOf, wordsOf } from '../render/words.ts'
import { pairs } from '../values.ts'
import { isWaiting, untilUp } from '../wait.ts'

export const peerPropose = (run: Run) =>
  new Command('propose')
    .description('begin a peering and make its first invitation; contacts nobody')
    .argument('[url]', "the other platform's gateway, when it is known")
    .option('--name <name>', 'what to call the peer here', '')
    .addOption(new Option('--role <role>', 'what we are to the peer').choices(wordsOf(SpawnRole)).default('symmetric'))
    .addOption(
      new Option('--mode <mode>', 'how the peer came to be').choices(wordsOf(SpawnMode)).default('out_of_band'),
    )
    .addOption(
      new Option('--kind <kind>', 'a platform, or only a network').choices(wordsOf(PeerKind)).default('platform'),
    )
    .addOption(ttl())
    .option('--invitation-name <name>', 'a name for the invitation', '')
    .addOption(note())
    .option('--no-invitation', 'make no invitation yet')
    .option('--platform-id <id>', 'only this platform may accept', '')
    .option('--parent <peer-id>', 'the peer through which this one came', '')
    .option('--account <id>', 'whose peering this is, here', '')
    .option('--remote-account <id>', 'and over there', '')
    .option('--environment <id>', 'the environment a child runs in', '')
    .option('--prefix <ula-prefix>', 'the ULA prefix the peer routes: /48, /56 or /64', '')
    .option('--metadata <key=value>', 'kept with the peer; can be repeated', pairs, {})
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, url, options) => {
        const response = await session.clients.peers.proposePeer({
          url: url ?? '',
          name: options.name,
          kind: valueOf(PeerKind, options.kind),
          spawnRole: valueOf(SpawnRole, options.role),
          spawnMode: valueOf(SpawnMode, options.mode),
          ...(options.ttl !== undefined && { invitationTtl: durationFromMs(options.ttl) }),
          invitationName: options.invitationName,
          note: options.note,
          withoutInvitation: !options.invitation,
          platformId: options.platformId,
          parentPeerId: options.parent,
          accountId: options.account,
          remoteAccountId: options.remoteAccount,
          environmentId: options.environment,
          prefixAdvertisement: options.prefix,
          metadata: options.metadata as JsonObject, // pairs() makes nothing but JSON
          dryRun: options.dryRun === true,
        })
        const outcome = proposed(response, options.dryRun)
        if (!isWaiting(options.wait) || options.dryRun || !response.peer) return outcome
        // The invitation is shown first: without it nobody could do what we wait for.
        session.emit(outcome)
        return { ...changedPeer(await untilUp(session, response.peer.id, options.wait), false), isItem: true }
      }),
    )

/** A new peer and, beside it, the invitation that is shown this once. */
export function proposed(
  { peer, invitation }: Pick<ProposePeerResponse, 'peer' | 'invitation'>,
  isDryRun: boolean | undefined,
): Outcome {
  return changedPeer(peer, isDryRun, {
    data: { invitation: plainMinted(invitation) },
    text: (canvas) => (invitation ? mintedText(invitation, peer?.name || 'the new peer', canvas) : ''),
  })
}
