import { appendAll } from '@powernode/events'
import { BY_ITSELF, grantExpiring } from '../../events.ts'
import * as sweeps from '../../store/grant-sweeps.ts'
import * as notices from '../../store/notices.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx } from '../../store/tables.ts'

/** Both sides are reminded of grants that end soon: ours by the event, the other by a notice. Once for each end. */
export async function remindGrants(tx: GrantTx, now: Date, limit: number): Promise<number> {
  const { remindBeforeMs } = await settings.read(tx)
  const ending = await sweeps.remind(tx, now, { remindBeforeMs, limit })
  await appendAll(
    tx,
    ending.map((grant) => grantExpiring(grant, now, BY_ITSELF)),
  )
  await notices.owe(tx, now, { grants: ending, what: 'expiring', cause: BY_ITSELF })
  return ending.length
}
