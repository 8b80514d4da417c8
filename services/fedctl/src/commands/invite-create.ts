import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { plainMinted } from '../minted.ts'
import { dryRun, note, ttl, wait } from '../options.ts'
import type { Outcome } from '../output.ts'
import { usage } from '../problem.ts'
import { changedPeer, DRY_RUN } from '../render/changed.ts'
import { mintedText } from '../render/invitation.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { isWaiting, untilUp } from '../wait.ts'

export const inviteCreate = (run: Run) =>
  new Command('create')
    .description('a further invitation for a proposed peer; shown once')
    .argument('[peer]', 'id, name or platform id')
    .option('--peer <peer>', 'the same, as an option')
    .option('--name <name>', 'a name for the invitation', '')
    .addOption(note())
    .addOption(ttl())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, argument, options) => {
        const named = argument ?? options.peer
        if (!named) throw usage('for which peer?', 'fedctl invite create <peer>')
        const { id, name } = await resolvePeer(session, named)
        const { invitation } = await session.clients.peers.createInvitation({
          peerId: id,
          name: options.name,
          note: options.note,
          ...(options.ttl !== undefined && { ttl: durationFromMs(options.ttl) }),
          dryRun: options.dryRun === true,
        })
        const outcome: Outcome = {
          data: { dry_run: options.dryRun === true, invitation: plainMinted(invitation) },
          text: (canvas) =>
            options.dryRun
              ? `${DRY_RUN}\nan invitation for ${name || id} would be made`
              : invitation
                ? mintedText(invitation, name || id, canvas)
                : '',
        }
        if (!isWaiting(options.wait) || options.dryRun) return outcome
        session.emit(outcome)
        return { ...changedPeer(await untilUp(session, id, options.wait), false), isItem: true }
      }),
    )
