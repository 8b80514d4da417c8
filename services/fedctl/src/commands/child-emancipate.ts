import { Command } from '@commander-js/extra-typings'
import { childPeerId } from '../child-peer.ts'
import type { Run } from '../invoke.ts'
import { child, dryRun, reason, wait } from '../options.ts'
import { relationshipChanged } from '../relationship-changed.ts'

export const childEmancipate = (run: Run) =>
  new Command('emancipate')
    .description('a managed child is managed no longer: it and the peering stay; --dry-run lists what stops working')
    .addArgument(child())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const peerId = await childPeerId(session, named)
        if (!options.dryRun) await session.confirm(`End our management of ${named}?`)
        // In force here when the call returns; the other side is told, and an open item says so until it was.
        const said = { peerId, reason: options.reason, dryRun: options.dryRun === true }
        return relationshipChanged(await session.clients.peers.emancipatePeer(said), options.dryRun)
      }),
    )
