import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, peer, reason, wait } from '../options.ts'
import { changedPeer } from '../render/changed.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { isWaiting, untilUp } from '../wait.ts'

export const peerResume = (run: Run) =>
  new Command('resume')
    .description('go on with a suspended peer; with --wait until it is active again')
    .addArgument(peer())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id } = await resolvePeer(session, named)
        const said = { peerId: id, reason: options.reason, dryRun: options.dryRun === true }
        const { peer: changed } = await session.clients.peers.resumePeer(said)
        if (!isWaiting(options.wait) || options.dryRun) return changedPeer(changed, options.dryRun)
        return changedPeer(await untilUp(session, id, options.wait), false)
      }),
    )
