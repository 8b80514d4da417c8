import { sql } from 'kysely'
import { regionsFrom, type Region, type Regions } from '../region.ts'
import type { GrantTx } from './tables.ts'

/** All regions, by name. */
export async function all(tx: GrantTx): Promise<Regions> {
  const rows = await tx.selectFrom('region').select(['name', 'parent']).orderBy('name').execute()
  return regionsFrom(rows.map(({ name, parent }) => ({ name, parent: parent ?? undefined })))
}

/** Adds a region, or moves it into another. The table refuses one that would lie in itself. */
export async function save(
  tx: GrantTx,
  { name, parent = null }: { name: string; parent?: string | null | undefined },
): Promise<void> {
  await tx
    .insertInto('region')
    .values({ name, parent })
    .onConflict((on) => on.column('name').doUpdateSet({ parent }))
    .execute()
}

/** Takes a region away. The tables refuse one that something stands on. */
export async function remove(tx: GrantTx, { name }: Region): Promise<void> {
  await tx.deleteFrom('region').where('name', '=', name).execute()
}

/** Something that stands on a region, in words; undefined: nothing does. */
export async function usedBy(tx: GrantTx, name: string): Promise<string | undefined> {
  const { rows } = await sql<{ user: string }>`
    select 'region ' || name as user from region where parent = ${name}
    union all select 'the tag of peer ' || peer_id from peer_residency where tag = ${name}
    union all select 'rule ' || id from residency_rule where ${name} = any (allowed_regions)
    union all select 'the home region' from residency_settings where home_region = ${name}
    union all select 'kind ' || kind from resource_kind where region = ${name}
    union all select kind || ' ' || id from resource_record where region = ${name}
    limit 1`.execute(tx)
  return rows[0]?.user
}
