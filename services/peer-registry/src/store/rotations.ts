import type { Tx } from '@powernode/postgres'
import { isUniqueViolation } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Rotation } from '../rotation.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const ROTATION = [
  'id', 'step', 'from_generation', 'to_generation', 'bundle_sequence', 'overridden', 'created_by', 'created_at', 'updated_at',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, rotation: Rotation): Promise<void> {
  try {
    await tx.insertInto('rotation').values(toRow(rotation)).execute()
  } catch (error) {
    if (!isUniqueViolation(error, 'rotation_one_open')) throw error
    throw new Refusal('ROTATION_IN_PROGRESS', 'a rotation is in progress; finish or cancel it first', {
      next: 'fedctl ca show',
    })
  }
}

export async function lock(tx: Tx<Tables>, id: string): Promise<Rotation> {
  const row = await tx.selectFrom('rotation').select(ROTATION).where('id', '=', id).forUpdate().executeTakeFirst()
  if (!row) throw new Refusal('ROTATION_NOT_FOUND', `there is no rotation ${id}`, { next: 'fedctl ca rotate plan' })
  return fromRow<Rotation>(row)
}

/** The one in progress, else the last one that ended. */
export async function latest(tx: Tx<Tables>): Promise<Rotation | undefined> {
  const row = await tx.selectFrom('rotation').select(ROTATION).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row && fromRow<Rotation>(row)
}

export async function save(tx: Tx<Tables>, after: Rotation): Promise<void> {
  await tx.updateTable('rotation').set(toRow(after)).where('id', '=', after.id).executeTakeFirstOrThrow()
}

type Holder = { holder: string; acknowledged_sequence: number; generation: number; acknowledged_at: Date }

export async function holders(tx: Tx<Tables>): Promise<Map<string, Holder>> {
  const rows = await tx
    .selectFrom('trust_holder')
    .select(['holder', 'acknowledged_sequence', 'generation', 'acknowledged_at'])
    .execute()
  return new Map(rows.map((row) => [row.holder, row]))
}

export async function saveHolder(tx: Tx<Tables>, row: Holder): Promise<void> {
  await tx
    .insertInto('trust_holder')
    .values(row)
    .onConflict((on) => on.column('holder').doUpdateSet(row))
    .execute()
}
