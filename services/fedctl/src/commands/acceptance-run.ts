import type { JsonObject } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { acceptanceOutcome } from '../acceptance-outcome.ts'
import { invitationText } from '../invitation-text.ts'
import type { Run } from '../invoke.ts'
import { dryRun, invitation, trust, wait } from '../options.ts'
import { valueOf } from '../render/words.ts'
import { collect, listed, pairs, whole } from '../values.ts'
import { present } from '../written.ts'

export const acceptanceRun = (run: Run) =>
  new Command('run')
    .description('take up an invitation, and do everything that follows, step by step (skill federation_acceptance)')
    .addArgument(invitation())
    .option('--url <url>', "the inviter's gateway; only with a bare token", '')
    .option('--name <name>', 'what to call the peer here', '')
    .option('--contract-version <version>', 'which version of the contract we mean', whole, 1)
    .option('--capability <key=value>', 'advertised with the acceptance, in the place of ours; can be repeated', pairs)
    .option('--extension <slugs>', 'likewise: the extensions we carry, by commas', listed)
    .option('--endpoint <url>', 'likewise: where we are reached; can be repeated, best first', collect)
    .addOption(trust())
    .option(
      '--metadata <key=value>',
      'kept with the peer; can be repeated: sdwan_network_id and node_instance_id let it onto a network of ours',
      pairs,
    )
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, given, options) => {
        const answer = await session.clients.acceptance.runAcceptance({
          acceptanceToken: invitationText(given, session.env),
          url: options.url,
          name: options.name,
          contractVersion: options.contractVersion,
          ...(options.capability && { capabilities: options.capability as JsonObject }), // pairs() makes nothing but JSON
          trustMode: valueOf(TrustMode, options.trust),
          ...(options.metadata && { metadata: options.metadata as JsonObject }), // as above
          extensionSlugs: options.extension ?? [],
          endpoints: (options.endpoint ?? []).map((url, priority) => ({ url, priority, scope: EndpointScope.WAN })),
          dryRun: options.dryRun === true,
        })
        return acceptanceOutcome(session, present(answer.run, 'an acceptance'), options)
      }),
    )
