import { sql } from 'kysely'
import { testSide, type Side } from './mirrors.ts'

/** The same platform with the database of an earlier day: what a backup of it held when its log had so many entries. */
export async function restoredSide(side: Side, size: number): Promise<Side> {
  const older = await testSide(side.domain, side.peerId, side.keys)
  const parts = {
    log: sql`true`,
    entry: sql`sequence < ${size}`,
    payload: sql`sequence < ${size}`,
    tile: sql`(position + 1) * 256 ^ (level + 1) <= ${size}`,
    checkpoint: sql`size <= ${size}`,
  }
  for (const [name, condition] of Object.entries(parts)) {
    const table = sql.table(name)
    const { rows } = await sql<{ all: Record<string, unknown>[] }>`
      select coalesce(jsonb_agg(to_jsonb(t)), '[]') as all from ${table} t where ${condition}`.execute(side.ledger.db)
    const all = rows[0]?.all ?? []
    const columns = sql.join(Object.keys(all[0] ?? {}).map((column) => sql.ref(column)))
    if (all.length > 0)
      await sql`
        insert into ${table} (${columns}) overriding system value
        select ${columns} from jsonb_populate_recordset(null::${table}, ${JSON.stringify(all)}::jsonb)`.execute(
        older.ledger.db,
      )
  }
  return older
}
