import { sql } from 'kysely'
import type { SdwanTx } from './tables.ts'

/** One change of the network at a time: whoever holds the turn reads and writes with nobody else writing. Until the transaction ends. */
export async function takeTurn(tx: SdwanTx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || '.intent', 0))`.execute(tx)
}

/** What is compiled has changed: whoever keeps the network in memory hears of it with the commit. Returns the new count. */
export async function countOn(tx: SdwanTx): Promise<number> {
  const { version } = await tx
    .updateTable('intent_state')
    .set({ version: sql`version + 1` })
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}

/** How often what is compiled has changed. */
export async function count(tx: SdwanTx): Promise<number> {
  const { version } = await tx.selectFrom('intent_state').select('version').executeTakeFirstOrThrow()
  return version
}
