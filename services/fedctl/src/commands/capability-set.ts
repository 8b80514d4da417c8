import type { JsonObject } from '@bufbuild/protobuf'
import { Command, Option } from '@commander-js/extra-typings'
import { CapabilitySchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, peer, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { capabilityTable } from '../render/bridges.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { pairs } from '../values.ts'
import { present, written } from '../written.ts'

const DIRECTIONS = ['push_local_to_remote', 'pull_remote_to_local', 'bidirectional', 'migration_only'] as const
const POLICIES = ['manual', 'auto_on_change', 'auto_periodic', 'on_match_filter'] as const
const RESOLUTIONS = ['newer_wins_logical_clock', 'local_wins', 'remote_wins', 'prompt'] as const

export const capabilitySet = (run: Run) =>
  new Command('set')
    .description('how resources of a kind travel between a peer and us')
    .addArgument(peer())
    .argument('<kind>', 'of which kind of resource')
    .addOption(
      new Option('--direction <direction>', 'which way; each direction of a kind is one of its own')
        .choices(DIRECTIONS)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--policy <policy>', 'when they travel').choices(POLICIES).default('manual'))
    .addOption(
      new Option('--conflict <resolution>', 'which of two changes wins')
        .choices(RESOLUTIONS)
        .default('newer_wins_logical_clock'),
    )
    .option('--filter <key=value>', 'only what is like this; can be repeated', pairs, {})
    .option('--remove', 'take it away')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, resourceKind, options) => {
        const { id: peerId } = await resolvePeer(session, named)
        // Set when the call returns: there is nothing to wait for.
        const answer = await session.clients.grants.setCapability({
          capability: {
            peerId,
            resourceKind,
            direction: options.direction,
            policy: options.policy,
            conflictResolution: options.conflict,
            filter: options.filter as JsonObject, // pairs() makes nothing but JSON
          },
          remove: options.remove === true,
          dryRun: options.dryRun === true,
        })
        const capability = present(answer.capability, 'a capability')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { removed: options.remove === true, capability: plain(CapabilitySchema, capability) },
          text: (canvas) => `${options.remove ? 'removed\n' : ''}${capabilityTable([capability], canvas, name)}`,
        })
      }),
    )
