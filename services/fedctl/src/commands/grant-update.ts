import { Command } from '@commander-js/extra-typings'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { grantIdOf } from '../grant-id.ts'
import type { Run } from '../invoke.ts'
import { bindings, cidrs, dryRun, networks, nodes, revision, scopes, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { grantSheet } from '../render/grants.ts'
import { present, written } from '../written.ts'
import { grantArgument } from './grant-show.ts'

export const grantUpdate = (run: Run) =>
  new Command('update')
    .description('another scope or limit under the same bearer; what is not named stays')
    .addArgument(grantArgument())
    .addOption(scopes())
    .addOption(nodes())
    .addOption(networks())
    .addOption(cidrs())
    .addOption(bindings())
    .addOption(revision())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { scope, node, network, cidr, bind } = options
        if (![scope, node, network, cidr, bind].some(Boolean))
          throw usage('nothing was given to change', 'fedctl grant update <grant> --scope read --cidr 10.0.0.0/8')
        // In force everywhere when the call returns: there is nothing to wait for.
        const { grant, changed } = await session.clients.grants.updateGrant({
          grantId: grantIdOf(named),
          ...(scope && { scopes: { values: scope } }),
          ...(node && { nodeInstanceIds: { values: node } }),
          ...(network && { sdwanNetworkIds: { values: network } }),
          ...(cidr && { sourceCidrs: { values: cidr } }),
          ...(bind && { boundIdentities: { values: bind } }),
          ifRevision: options.ifRevision ?? 0n,
          dryRun: options.dryRun === true,
        })
        const now = present(grant, 'a grant')
        const name = await namePeers(session)
        const news = changed.length > 0 ? `changed: ${changed.join(', ')}` : 'it was so already'
        return written({
          dryRun: options.dryRun,
          data: { grant: plain(GrantSchema, now), changed },
          text: (canvas) => `${grantSheet(now, canvas, name)}\n\n${news}`,
        })
      }),
    )
