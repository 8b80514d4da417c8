import type { Template } from '../records.ts'
import { fromRow, toRow } from './rows.ts'
import type { SpawnTx } from './tables.ts'

const TEMPLATE = [
  'id', 'name', 'description', 'spec', 'created_by', 'created_at', 'retired_at', 'revision',
] as const // prettier-ignore

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Adds a template; false when one of this name is there. */
export async function insert(tx: SpawnTx, template: Template): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('template')
    .values(toRow(template))
    .onConflict((on) => on.column('name').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

export async function find(tx: SpawnTx, named: string): Promise<Template | undefined> {
  const row = await tx
    .selectFrom('template')
    .select(TEMPLATE)
    .where(UUID.test(named) ? 'id' : 'name', '=', named)
    .executeTakeFirst()
  return row && fromRow<Template>(row)
}

export async function list(tx: SpawnTx, { includeRetired }: { includeRetired: boolean }): Promise<Template[]> {
  let query = tx.selectFrom('template').select(TEMPLATE).orderBy('name')
  if (!includeRetired) query = query.where('retired_at', 'is', null)
  return (await query.execute()).map((row) => fromRow<Template>(row))
}

export async function retire(tx: SpawnTx, template: Template, now: Date): Promise<void> {
  await tx
    .updateTable('template')
    .set({ retired_at: now, revision: template.revision + 1 })
    .where('id', '=', template.id)
    .where('retired_at', 'is', null)
    .execute()
}
