import { Command } from '@commander-js/extra-typings'
import { InvalidArgumentError } from 'commander'
import type { Run } from '../invoke.ts'
import { endpointFields, endpointOf } from '../net/endpoint.ts'
import { addRecord } from '../net/record.ts'
import { dryRun, network, overrideTests, wait } from '../options.ts'
import { label, listed, tags, uuid, whole } from '../values.ts'

export const netMemberAdd = (run: Run) =>
  new Command('add')
    .description('a node comes into a network; its agent makes the keys, and its address is allocated')
    .addArgument(network())
    .argument('<name>', 'small letters, digits and hyphens', label)
    .requiredOption('--node <id>', 'the uuid in the certificate of its agent', uuid)
    .option('--hub', 'others can call it; in hub_and_spoke traffic goes through it')
    .option('--endpoint <host:port>', 'where it is called; [2001:db8::1]:51820 for IPv6; can be repeated', endpoints)
    .option('--listen-port <port>', 'where it listens (default: 51820, or the next that is free)', whole)
    .option('--lan <prefixes>', 'what lies behind it; by commas', listed)
    .option('--tag <tags>', 'what rules may call it by; by commas', tags)
    .option('--reflector-client', 'it learns its routes from reflectors')
    .option('--router-id <quad>', 'its BGP identifier (default: derived)')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, above, name, options) => {
        const said = {
          name,
          node_instance_id: options.node,
          publicly_reachable: options.hub,
          ...endpointFields(options.endpoint ?? []),
          listen_port: options.listenPort,
          lan_subnets: options.lan,
          tags: options.tag,
          bgp_route_reflector_client: options.reflectorClient,
          bgp_router_id_override: options.routerId,
        }
        return addRecord(session, { kind: 'member', above, said }, options)
      }),
    )

function endpoints(text: string, before: readonly string[] = []): string[] {
  if (!endpointOf(text)) throw new InvalidArgumentError('It must be host:port, or [address]:port.')
  return [...before, text]
}
