import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { DRIVEN, ranOutcome } from '../net/runs.ts'
import { dryRun, wait } from '../options.ts'
import { present } from '../written.ts'

/** The skill multi_tenant_isolation. */
export const netTenantIsolate = (run: Run) =>
  new Command('isolate')
    .description('a tenant gets what nobody else reaches: network, prefix, VRF, firewall, logical switch and ACLs')
    .argument('<tenant>', 'its key: small letters, digits and hyphens')
    .option('--name <name>', 'of its network (default: tenant-<key>)', '')
    .option('--cidr <prefix>', "the tenant's prefix (default: the allocated /64)", '')
    .option('--switch <name>', 'of its logical switch (default: ls-tenant-<key>)', '')
    .option('--nb <endpoint>', 'northbound database, while there is no OVN deployment: tcp:<address>:6641', '')
    .option('--sb <endpoint>', 'southbound database, likewise', '')
    .option('--roll-back', 'what is made is taken away again when something fails')
    .option('--request-id <uuid>', 'typed again with the same one, it isolates nobody twice', '')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, tenantKey, options) => {
        const { run: begun } = await session.clients.network.isolateTenant(
          {
            tenantKey,
            networkName: options.name,
            tenantCidr: options.cidr,
            nbDbEndpoint: options.nb,
            sbDbEndpoint: options.sb,
            ovnSwitchName: options.switch,
            rollBackOnFailure: options.rollBack === true,
            requestId: options.requestId,
            dryRun: options.dryRun === true,
          },
          DRIVEN,
        )
        return ranOutcome(session, present(begun, 'a run'), options)
      }),
    )
