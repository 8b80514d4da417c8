import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, note, peer, ttl, wait } from '../options.ts'
import { changedPeer } from '../render/changed.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { isWaiting, untilUp } from '../wait.ts'
import { proposed } from './peer-propose.ts'

export const peerRePeer = (run: Run) =>
  new Command('re-peer')
    .description('begin anew with a revoked peer: a new peering linked to the old one, and its invitation')
    .addArgument(peer())
    .addOption(ttl())
    .addOption(note())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id } = await resolvePeer(session, named)
        const response = await session.clients.peers.repeerPeer({
          peerId: id,
          ...(options.ttl !== undefined && { invitationTtl: durationFromMs(options.ttl) }),
          note: options.note,
          dryRun: options.dryRun === true,
        })
        const outcome = proposed(response, options.dryRun)
        if (!isWaiting(options.wait) || options.dryRun || !response.peer) return outcome
        session.emit(outcome)
        return { ...changedPeer(await untilUp(session, response.peer.id, options.wait), false), isItem: true }
      }),
    )
