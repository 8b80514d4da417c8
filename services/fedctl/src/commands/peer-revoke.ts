import { Command } from '@commander-js/extra-typings'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, peer, reason, wait } from '../options.ts'
import { changedPeer } from '../render/changed.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { isWaiting, untilPeer } from '../wait.ts'

export const peerRevoke = (run: Run) =>
  new Command('revoke')
    .description('end a peering for good; works when the other side is gone; --wait until they were told')
    .addArgument(peer())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id, name } = await resolvePeer(session, named)
        if (!options.dryRun) await session.confirm(`End the peering with ${name || id} for good?`)
        const said = { peerId: id, reason: options.reason, dryRun: options.dryRun === true }
        const { peer: changed, effects } = await session.clients.peers.revokePeer(said)
        const more = {
          data: { effects },
          text: () => effects.map((effect) => `  - ${effect}`).join('\n'),
        }
        if (!isWaiting(options.wait) || options.dryRun) return changedPeer(changed, options.dryRun, more)
        const told = await untilPeer(session, id, { ms: options.wait, isThere: isTold, goal: 'told that it ended' })
        return changedPeer(told, false, more)
      }),
    )

/** Revoked, and they know it, unless there is nobody who could be told. */
const isTold = ({ state, notifiedAt, remotePeerId }: Peer): boolean =>
  state === PeerState.REVOKED && (notifiedAt !== undefined || remotePeerId === '')
