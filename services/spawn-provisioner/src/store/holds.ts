import type { Db } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Takes a child for this connection, and with it for this replica; false when another has it. Ends with the connection. */
export async function tryHold(connection: Db<Tables>, childId: string): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_lock(hashtextextended(current_schema() || ${`.child.${childId}`}, 0)) as held`.execute(
    connection,
  )
  return rows[0]?.held === true
}

export async function release(connection: Db<Tables>, childId: string): Promise<void> {
  await sql`select pg_advisory_unlock(hashtextextended(current_schema() || ${`.child.${childId}`}, 0))`.execute(connection) // prettier-ignore
}

/** Whether the connection, and so every child that it holds, is still ours. */
export async function prove(connection: Db<Tables>): Promise<void> {
  await sql`select 1`.execute(connection)
}
