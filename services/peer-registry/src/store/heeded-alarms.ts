import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Where whoever heeds alarms is woken. */
export const ALARMS_CHANNEL = 'peer_registry_alarms'

/** Wakes whoever asks audit-ledger for alarms, once this commits. */
export async function ring(tx: Tx<Tables>): Promise<void> {
  await sql`select pg_notify(${ALARMS_CHANNEL}, '')`.execute(tx)
}

/** Which of these alarms nobody has acted upon yet. */
export async function unheeded(tx: Tx<Tables>, alarmIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('heeded_alarm')
    .select('alarm_id')
    .where('alarm_id', 'in', [...alarmIds])
    .execute()
  const heeded = new Set(rows.map(({ alarm_id }) => alarm_id))
  return new Set(alarmIds.filter((id) => !heeded.has(id)))
}

/** Notes that an alarm was acted upon; false: somebody else has. */
export async function heed(tx: Tx<Tables>, row: Tables['heeded_alarm']): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('heeded_alarm')
    .values(row)
    .onConflict((on) => on.column('alarm_id').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows > 0n
}
