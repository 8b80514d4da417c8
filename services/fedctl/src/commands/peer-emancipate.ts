import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, peer, reason, wait } from '../options.ts'
import { relationshipChanged } from '../relationship-changed.ts'
import { resolvePeer } from '../resolve-peer.ts'

export const peerEmancipate = (run: Run) =>
  new Command('emancipate')
    .description('a managed child is managed no longer: the peering stays; --dry-run lists what stops working')
    .addArgument(peer())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id, name } = await resolvePeer(session, named)
        if (!options.dryRun) await session.confirm(`End the management between us and ${name || id}?`)
        // In force here when the call returns; the other side is told, and an open item says so until it was.
        const said = { peerId: id, reason: options.reason, dryRun: options.dryRun === true }
        return relationshipChanged(await session.clients.peers.emancipatePeer(said), options.dryRun)
      }),
    )
