import { Command } from '@commander-js/extra-typings'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, peer, reason, wait } from '../options.ts'
import { changedPeer } from '../render/changed.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { isWaiting, untilPeer } from '../wait.ts'

export const peerSuspend = (run: Run) =>
  new Command('suspend')
    .description('stop talking to a peer until it is resumed; nothing is lost')
    .addArgument(peer())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id } = await resolvePeer(session, named)
        const said = { peerId: id, reason: options.reason, dryRun: options.dryRun === true }
        const { peer: changed } = await session.clients.peers.suspendPeer(said)
        if (!isWaiting(options.wait) || options.dryRun) return changedPeer(changed, options.dryRun)
        const isThere = ({ state }: { state: PeerState }) => state === PeerState.SUSPENDED
        return changedPeer(await untilPeer(session, id, { ms: options.wait, isThere, goal: 'suspended' }), false)
      }),
    )
