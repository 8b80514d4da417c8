import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { VersionRule } from '../version.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const RULE = [
  'id', 'local_version', 'remote_version', 'status', 'source', 'refused_kinds', 'notes', 'set_by', 'set_at',
] as const // prettier-ignore

/** Every rule: operators write them by hand, so there are few. */
export async function list(tx: Tx<Tables>): Promise<VersionRule[]> {
  const rows = await tx
    .selectFrom('version_rule')
    .select(RULE)
    .orderBy('source', 'desc')
    .orderBy('local_version')
    .orderBy('remote_version')
    .execute()
  return rows.map((row) => fromRow<VersionRule>(row))
}

/** Writes a rule, in place of the one that the same source had for the same pair; its id stays. */
export async function put(tx: Tx<Tables>, rule: VersionRule): Promise<VersionRule> {
  const { id: _, ...said } = toRow(rule)
  const row = await tx
    .insertInto('version_rule')
    .values(toRow(rule))
    .onConflict((on) => on.columns(['local_version', 'remote_version', 'source']).doUpdateSet(said))
    .returning(RULE)
    .executeTakeFirstOrThrow()
  return fromRow<VersionRule>(row)
}

/** The rule, locked until the transaction ends. */
export async function lock(tx: Tx<Tables>, id: string): Promise<VersionRule> {
  const row = await tx.selectFrom('version_rule').select(RULE).where('id', '=', id).forUpdate().executeTakeFirst()
  if (row) return fromRow<VersionRule>(row)
  throw new Refusal('VERSION_RULE_NOT_FOUND', `there is no version rule ${id}`, { next: 'fedctl version rules' })
}

export async function remove(tx: Tx<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('version_rule').where('id', '=', id).execute()
}
