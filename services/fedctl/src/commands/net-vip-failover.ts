import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { planned } from '../net/change.ts'
import { loadIntent } from '../net/load.ts'
import { dryRun, reason, wait } from '../options.ts'
import { present } from '../written.ts'

export const netVipFailover = (run: Run) =>
  new Command('failover')
    .description('the next in line takes a virtual IP over')
    .argument('<vip>', '<network>/<name>, or its id')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { id } = (await loadIntent(session)).must('virtual_ip', named)
        const said = { virtualIpId: id, reason: options.reason, dryRun: options.dryRun === true }
        const { plan } = await session.clients.network.failOverVirtualIp(said)
        return planned(session, present(plan, 'a plan'), options)
      }),
    )
