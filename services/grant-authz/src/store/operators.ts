import { sql } from 'kysely'
import type { Operator, Role, Staff } from '../operator.ts'
import type { GrantTx } from './tables.ts'

/** Holds all that concerns operators until the transaction ends. MUST come before anything of it is decided. */
export async function lock(tx: GrantTx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || '.operators', 0))`.execute(tx)
}

/** Everybody, and what their roles are. */
export async function staff(tx: GrantTx): Promise<Staff> {
  const { rows } = await sql<Operator>`
    select name, kind, paused, note, set_by as "setBy", set_at as "setAt",
      array(select role from operator_role where operator = name order by role) as roles,
      array(select subject from operator_subject where operator = name order by subject) as "oidcSubjects"
    from operator order by name`.execute(tx)
  return { operators: rows, roles: await roles(tx) }
}

async function roles(tx: GrantTx): Promise<Role[]> {
  return tx.selectFrom('role').select(['name', 'permissions', 'built_in as builtIn']).orderBy('name').execute()
}

/** How far the feed of operators has come; another whenever anything of the directory is another. */
export async function feedMark(tx: GrantTx): Promise<string> {
  const { rows } = await sql<{ mark: string }>`
    select epoch || ' ' || encode(mark, 'hex') as mark from feed_epoch
    where feed = 'operators' order by epoch desc limit 1`.execute(tx)
  return rows[0]?.mark ?? ''
}

/** Writes an operator as it is now, new or known. */
export async function save(tx: GrantTx, { name, roles: held, oidcSubjects, ...said }: Operator): Promise<void> {
  const row = { kind: said.kind, paused: said.paused, note: said.note, set_by: said.setBy, set_at: said.setAt }
  await tx
    .insertInto('operator')
    .values({ name, ...row })
    .onConflict((on) => on.column('name').doUpdateSet(row))
    .execute()
  await tx.deleteFrom('operator_role').where('operator', '=', name).execute()
  if (held.length > 0)
    await tx
      .insertInto('operator_role')
      .values(held.map((role) => ({ operator: name, role })))
      .execute()
  await tx.deleteFrom('operator_subject').where('operator', '=', name).execute()
  if (oidcSubjects.length > 0)
    await tx
      .insertInto('operator_subject')
      .values(oidcSubjects.map((subject) => ({ operator: name, subject })))
      .execute()
}

export async function remove(tx: GrantTx, name: string): Promise<void> {
  await tx.deleteFrom('operator').where('name', '=', name).execute()
}

export async function saveRole(tx: GrantTx, { name, permissions }: Role): Promise<void> {
  await tx
    .insertInto('role')
    .values({ name, permissions, built_in: false })
    .onConflict((on) => on.column('name').doUpdateSet({ permissions }))
    .execute()
}

export async function removeRole(tx: GrantTx, name: string): Promise<void> {
  await tx.deleteFrom('role').where('name', '=', name).execute()
}
