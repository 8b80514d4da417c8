import pg from 'pg'
import { eventually } from './eventually.ts'
import type { TestPlatform } from './mesh.ts'

export type HeldTable = {
  /** Somebody has come to write, and waits. */
  readonly isWanted: () => Promise<void>
  readonly letGo: () => Promise<void>
}

/** Nobody writes into a table of this platform, `schema.table`, until it is let go: what is read is read. */
export async function holdTable({ platform }: TestPlatform, table: string): Promise<HeldTable> {
  const db = new pg.Client(platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await db.connect()
  await db.query('begin')
  await db.query(`lock table ${table} in exclusive mode`)
  const waiting = () => db.query('select 1 from pg_locks where not granted and relation = $1::regclass', [table])
  return {
    async isWanted() {
      await eventually(waiting, ({ rows }) => rows.length > 0)
    },
    async letGo() {
      await db.query('commit')
      await db.end()
    },
  }
}
