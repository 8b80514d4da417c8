import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { EndorsedKeys } from '../ledger-keys.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const KEYS = ['sequence', 'log_public_key', 'witness_public_key', 'statement', 'endorsed_at'] as const

/** The newest endorsement, once nobody else is making one: sequences are given out one at a time. */
export async function takeNewest(tx: Tx<Tables>): Promise<EndorsedKeys | undefined> {
  await sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || '.ledger_keys', 0))`.execute(tx)
  const row = await tx.selectFrom('ledger_keys').select(KEYS).orderBy('sequence', 'desc').limit(1).executeTakeFirst()
  return row && fromRow<EndorsedKeys>(row)
}

export async function insert(tx: Tx<Tables>, keys: EndorsedKeys): Promise<void> {
  await tx.insertInto('ledger_keys').values(toRow(keys)).execute()
}
