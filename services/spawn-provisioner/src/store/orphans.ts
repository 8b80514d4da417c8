import { sql } from 'kysely'
import type { OrphanKind } from '../orphan.ts'
import type { SpawnTx } from './tables.ts'

const ORPHAN = ['kind', 'name', 'provider_id', 'missing', 'began_at', 'found_at'] as const

export type OrphanRow = {
  readonly kind: OrphanKind
  readonly name: string
  readonly providerId: string | null
  readonly missing: boolean
  readonly beganAt: Date
  readonly foundAt: Date
}

export async function list(tx: SpawnTx): Promise<OrphanRow[]> {
  const rows = await tx.selectFrom('orphan').select(ORPHAN).orderBy('found_at').orderBy('name').execute()
  return rows.map((row) => ({
    kind: row.kind,
    name: row.name,
    providerId: row.provider_id,
    missing: row.missing,
    beganAt: row.began_at,
    foundAt: row.found_at,
  }))
}

/** Writes one down; false when it stands there already. */
export async function insert(
  tx: SpawnTx,
  { kind, name, providerId, missing, beganAt, foundAt }: OrphanRow,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('orphan')
    .values({ kind, name, provider_id: providerId, missing, began_at: beganAt, found_at: foundAt })
    .onConflict((on) => on.columns(['kind', 'name']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** Forgets those of a provider (or of none) that are seen no more. */
export async function forgetOthers(
  tx: SpawnTx,
  { providerId, kinds, seen }: { providerId: string | null; kinds: readonly OrphanKind[]; seen: readonly string[] },
): Promise<void> {
  await sql`
    delete from orphan where provider_id is not distinct from ${providerId}
      and kind = any(${kinds}::text[]) and name <> all(${seen}::text[])`.execute(tx)
}

export async function remove(tx: SpawnTx, kind: OrphanKind, name: string): Promise<void> {
  await tx.deleteFrom('orphan').where('kind', '=', kind).where('name', '=', name).execute()
}

export async function countByKind(tx: SpawnTx): Promise<ReadonlyMap<OrphanKind, number>> {
  const rows = await tx
    .selectFrom('orphan')
    .select(['kind', sql<number>`count(*)`.as('count')])
    .groupBy('kind')
    .execute()
  return new Map(rows.map(({ kind, count }) => [kind, count]))
}
