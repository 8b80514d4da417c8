import { Command, Option } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { memberOf, membersIn, type NewMember } from '../net/new-members.ts'
import { DRIVEN, ranOutcome } from '../net/runs.ts'
import { dryRun, ROUTING, TOPOLOGIES, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { listed } from '../values.ts'
import { present } from '../written.ts'

const collectMember =
  (role: 'hub' | 'spoke') =>
  (text: string, before: readonly NewMember[] = []): NewMember[] => [...before, memberOf(role, text)]

/** The skill sdwan_federation_compose: steps that survive a crash, and can be undone as one. */
export const netCompose = (run: Run) =>
  new Command('compose')
    .description(
      'a whole network with its members, and with --peer the road to a federated platform; --dry-run shows the plan',
    )
    .argument('<name>', 'of the network')
    .option('--hub <name=node@host:port>', 'a member that others call; can be repeated', collectMember('hub'))
    .option('--spoke <name=node>', 'a member that calls; can be repeated', collectMember('spoke'))
    .option('-f, --file <file>', 'members as JSON or YAML: {members: [{name, node_instance_id, role, …}]}; - for stdin')
    .addOption(
      new Option('--topology <strategy>', 'who calls whom').choices(TOPOLOGIES).default('hub_and_spoke' as const),
    )
    .addOption(new Option('--routing <protocol>', 'how routes are told').choices(ROUTING).default('static' as const))
    .option('--peer <peer>', 'a peer to be reached through it: id, name or platform id')
    .option('--accept <prefixes>', "what of the peer's we route; by commas", listed)
    .option('--roll-back', 'what is made is taken away again when something fails')
    .option('--request-id <uuid>', 'typed again with the same one, it makes no second network', '')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, networkName, options) => {
        const members = [...(options.hub ?? []), ...(options.spoke ?? []), ...membersIn(session, options.file)]
        if (members.length === 0) throw usage('a network needs members', '--hub, --spoke, or --file')
        const peer = options.peer === undefined ? undefined : await resolvePeer(session, options.peer)
        const { run: begun } = await session.clients.network.composeNetwork(
          {
            networkName,
            topology: options.topology,
            routingProtocol: options.routing,
            members,
            rollBackOnFailure: options.rollBack === true,
            requestId: options.requestId,
            federationPeerId: peer?.id ?? '',
            acceptPrefixes: options.accept ?? [],
            dryRun: options.dryRun === true,
          },
          DRIVEN,
        )
        return ranOutcome(session, present(begun, 'a run'), options)
      }),
    )
