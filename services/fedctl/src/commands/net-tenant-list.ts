import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { plainRecord, recordTable } from '../render/net-records.ts'

export const netTenantList = (run: Run) =>
  new Command('list').description('tenants, and the network that is theirs').action(
    run(async (session) => {
      const intent = await loadIntent(session)
      const records = intent.ofKind('network').filter(({ fields }) => fields['tenant_key'] !== undefined)
      return {
        data: { networks: records.map((record) => plainRecord(intent, record)) },
        text: (canvas) => recordTable('network', records, intent, canvas),
      }
    }),
  )
