import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { change, put } from '../net/change.ts'
import { loadIntent } from '../net/load.ts'
import { toContract, toPeople } from '../net/translate.ts'
import { dryRun, overrideTests, peer, wait } from '../options.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { listed, whole } from '../values.ts'

export const netAccessSet = (run: Run) =>
  new Command('set')
    .description('which prefixes cross the border with a peer: the tunnel to it follows. What is not said stays')
    .addArgument(peer())
    .option('--network <network>', 'our network that it reaches')
    .option('--gateway <members>', 'our ends of the tunnel, the first before all; by commas', listed)
    .option('--advertise <prefixes>', "what we tell it it can reach (default: the network's /64); by commas", listed)
    .option('--accept <prefixes>', "what of the peer's we route; by commas", listed)
    .option('--max-prefixes <number>', 'more end the session (default 32)', whole)
    .option('--disable', 'no road, until --enable')
    .option('--enable', 'the road is open again')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { network, gateway, advertise, accept, maxPrefixes, disable, enable, ...options }) => {
        const { id: peerId } = await resolvePeer(session, named)
        const intent = await loadIntent(session)
        const before = intent.ofKind('prefix_access').find(({ fields }) => fields['peer_id'] === peerId)
        const home = network ?? (before ? intent.networkOf(before) : undefined)
        const around = { intent, network: home ?? '' }
        const said = {
          ...(before && toPeople('prefix_access', before.fields, around)),
          ...defined({
            network: home,
            gateway_members: gateway,
            advertise,
            accept,
            max_prefixes: maxPrefixes,
            disabled: enable ? false : disable,
          }),
          peer: peerId,
        }
        const record = before ?? { kind: 'prefix_access' as const, id: '', version: 0 }
        return change(session, [put({ ...record, fields: toContract('prefix_access', said, around) })], options)
      }),
    )

const defined = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
