import { Command, Option } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { addRecord } from '../net/record.ts'
import type { Canvas } from '../output.ts'
import { dryRun, overrideTests, ROUTING, TOPOLOGIES, wait } from '../options.ts'
import { whole } from '../values.ts'
import { z } from 'zod'

export const netCreate = (run: Run) =>
  new Command('create')
    .description('a network: its /64 is allocated, and nothing passes in it before a rule says so')
    .argument('<name>', 'at most 64 characters; its slug is made of it')
    .option('--slug <slug>', 'what it is called by: small letters, digits and hyphens')
    .addOption(new Option('--topology <strategy>', 'who calls whom (default: hub_and_spoke)').choices(TOPOLOGIES))
    .addOption(new Option('--routing <protocol>', 'how routes are told (default: static)').choices(ROUTING))
    .addOption(
      new Option('--default-policy <policy>', 'what no rule speaks of (default: drop)').choices([
        'drop',
        'accept',
      ] as const),
    )
    .option('--mtu <bytes>', '1280 to 9000 (default 1420)', whole)
    .option('--vrf', 'a routing table of its own on every node')
    .option('--tenant <key>', 'the tenant whose network this is')
    .option('--reflectors <count>', 'at most so many hubs reflect routes (default: all)', whole)
    .option('--preshared-keys', 'a preshared key for every pair: closed to a quantum computer that records today')
    .option('--advertise-subnet', 'hubs announce the whole /64')
    .option('--pod-subnet <prefix>', 'a prefix for pods behind its members')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        const said = {
          name,
          slug: options.slug,
          topology_strategy: options.topology,
          routing_protocol: options.routing,
          firewall_default_policy: options.defaultPolicy,
          mtu: options.mtu,
          isolation: options.vrf ? 'dedicated_vrf' : undefined,
          tenant_key: options.tenant,
          route_reflector_redundancy: options.reflectors,
          preshared_keys: options.presharedKeys,
          advertise_overlay_subnet: options.advertiseSubnet,
          pod_subnet_prefix: options.podSubnet,
        }
        const outcome = await addRecord(session, { kind: 'network', said }, options)
        return { ...outcome, text: (canvas) => [outcome.text(canvas), madeText(outcome.data, canvas)].join('\n\n') }
      }),
    )

/** What was allocated for it, and how it comes to have members. */
function madeText(data: unknown, { to, paste }: Canvas): string {
  const [item] = MADE.parse(data).items
  if (!item) return ''
  const { slug, cidr_64: prefix } = item.network
  const next = paste(`fedctl net member add ${slug} <name> --node <uuid> --hub --endpoint <host:port>`)
  return `${to.bold(`network ${slug}`)}  ${prefix}\n${to.dim('next')}  ${next}, then its spokes: without --hub and --endpoint`
}

const MADE = z.object({
  items: z.array(z.object({ network: z.object({ slug: z.string(), cidr_64: z.string() }) })),
})
