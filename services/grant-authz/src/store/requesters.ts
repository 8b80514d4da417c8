import { sql } from 'kysely'
import type { GrantTx } from './tables.ts'

/** What is known of whoever asks for an approval. */
export type KnownOperator = { readonly agent: boolean; readonly mayControl: boolean }

/** An operator by its name; undefined for one we do not know, and one who may do nothing for now. */
export async function find(tx: GrantTx, name: string): Promise<KnownOperator | undefined> {
  const { rows } = await sql<KnownOperator>`
    select kind = 'agent' as agent,
      exists (
        select 1 from operator_role join role on role.name = operator_role.role
        where operator_role.operator = operator.name and 'system.infra_tasks.control' = any (role.permissions)
      ) as "mayControl"
    from operator where name = ${name} and not paused`.execute(tx)
  return rows[0]
}

/** Everybody who may approve now, as `operator/<name>`: people who may control, and are not paused. */
export async function approvers(tx: GrantTx): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`
    select name from operator
    where kind = 'person' and not paused and exists (
      select 1 from operator_role join role on role.name = operator_role.role
      where operator_role.operator = operator.name and 'system.infra_tasks.control' = any (role.permissions)
    )`.execute(tx)
  return new Set(rows.map(({ name }) => `operator/${name}`))
}
