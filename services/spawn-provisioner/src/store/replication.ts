import { sql, type QueryExecutorProvider } from 'kysely'
import type { Seen } from '../member.ts'

/** What deploy/postgres/replication.sql lets us do to the server; every function is safe to repeat. */
type Tx = QueryExecutorProvider

export type Facts = {
  readonly systemIdentifier: string
  readonly timeline: number
  readonly lsn: string
  readonly inRecovery: boolean
  readonly major: number
  readonly keepBytes: number | null
  readonly walLevel: string
  readonly fenced: boolean
}

/** Undefined where the functions are not installed. */
export async function isInstalled(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`
    select to_regprocedure('replication_admin.facts()') is not null as there`.execute(tx)
  return rows[0]?.there === true
}

export async function facts(tx: Tx): Promise<Facts> {
  const { rows } = await sql<Facts>`
    select system_identifier as "systemIdentifier", timeline, lsn::text as lsn, in_recovery as "inRecovery", major,
           keep_bytes::float8 as "keepBytes", wal_level as "walLevel", fenced
    from replication_admin.facts()`.execute(tx)
  const [row] = rows
  if (!row) throw new Error('the database does not say how it is')
  return row
}

export async function makeSlot(tx: Tx, slot: string): Promise<string> {
  const { rows } = await sql<{ lsn: string }>`select replication_admin.make_slot(${slot})::text as lsn`.execute(tx)
  return rows[0]?.lsn ?? ''
}

export async function dropSlot(tx: Tx, slot: string): Promise<void> {
  await sql`select replication_admin.drop_slot(${slot})`.execute(tx)
}

/** `verifier` is what Postgres keeps of a password; the password itself is never told to it. */
export async function makeRole(
  tx: Tx,
  { role, verifier, until }: { readonly role: string; readonly verifier: string; readonly until: Date },
): Promise<void> {
  await sql`select replication_admin.make_role(${role}, ${verifier}, ${until})`.execute(tx)
}

export async function dropRole(tx: Tx, role: string): Promise<void> {
  await sql`select replication_admin.drop_role(${role})`.execute(tx)
}

export async function watch(tx: Tx): Promise<readonly Seen[]> {
  const { rows } = await sql<Seen>`
    select slot_name as "slotName", active, state, wal_status as "walStatus", retained_bytes::float8 as "retainedBytes",
           sent_lsn::text as "sentLsn", replay_lsn::text as "replayLsn", replay_lag_bytes::float8 as "replayLagBytes",
           replay_lag_seconds as "replayLagSeconds"
    from replication_admin.watch()`.execute(tx)
  return rows
}

export async function roles(tx: Tx): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select role_name as name from replication_admin.list_roles()`.execute(tx)
  return rows.map(({ name }) => name)
}

/** Takes the right to fence for this connection, until it ends; false when another has it. */
export async function holdFence(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_lock(hashtextextended(current_schema() || '.fence', 0)) as held`.execute(tx)
  return rows[0]?.held === true
}

export async function fenceGate(tx: Tx): Promise<void> {
  await sql`select replication_admin.fence_gate()`.execute(tx)
}

/** Whose LOGIN was taken. */
export async function fenceRoles(tx: Tx, keep: string | null): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select replication_admin.fence_roles(${keep}) as name`.execute(tx)
  return rows.map(({ name }) => name)
}

/** How many are left that could write. */
export async function fenceSessions(tx: Tx, keep: string | null): Promise<number> {
  const { rows } = await sql<{ left: number }>`select replication_admin.fence_sessions(${keep}) as left`.execute(tx)
  return rows[0]?.left ?? 1
}

export async function unfence(tx: Tx): Promise<void> {
  await sql`select role from replication_admin.unfence() as role`.execute(tx)
}
