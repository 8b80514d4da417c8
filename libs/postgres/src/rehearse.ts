import { sql } from 'kysely'
import { inTransaction } from './in-transaction.ts'
import type { Db, Tx } from './open-db.ts'

class Rehearsed extends Error {}

/**
 * Does everything and keeps nothing: the answer is what would have happened, with the checks that the database leaves for
 * the commit as well.
 */
export async function rehearse<Tables, Result>(
  db: Db<Tables>,
  verb: (tx: Tx<Tables>) => Promise<Result>,
): Promise<Result> {
  let result: { readonly value: Result } | undefined
  try {
    await inTransaction(db, async (tx) => {
      result = { value: await verb(tx) }
      await sql`set constraints all immediate`.execute(tx)
      throw new Rehearsed('rolled back on purpose')
    })
  } catch (error) {
    if (!(error instanceof Rehearsed)) throw error
  }
  if (!result) throw new Error('a rehearsal ended without a result')
  return result.value
}
