import { sql, type QueryExecutorProvider } from 'kysely'
import { readMigrations } from './migrations.ts'

/** How a database is, as one who asks it sees it. */
export type DatabaseStanding = {
  /** Its clock when it answered: the one time that is asked for rather than told. */
  readonly clockMs: number
  /** The newest step that was applied; empty: none. */
  readonly schemaVersion: string
  /** The newest step that this code knows. */
  readonly expectedSchemaVersion: string
}

/** What a service's database says of itself. Throws what keeps it from answering. */
export async function databaseStanding(
  db: QueryExecutorProvider,
  schema: string,
  dir: string | URL,
): Promise<DatabaseStanding> {
  const known = await readMigrations(dir)
  // oxlint-disable-next-line mesh/sql -- what is asked here is the database's clock itself
  const { rows } = await sql<{ clock_ms: number; newest: string | null }>`
    select extract(epoch from clock_timestamp())::float8 * 1000 as clock_ms,
      (select max(name) from ${sql.id(schema, 'migration')}) as newest`.execute(db)
  const [row] = rows
  if (!row) throw new Error('the database answered with nothing')
  return {
    clockMs: row.clock_ms,
    schemaVersion: row.newest ?? '',
    expectedSchemaVersion: known.at(-1)?.name ?? '',
  }
}
