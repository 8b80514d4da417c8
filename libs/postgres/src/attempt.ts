import { sql } from 'kysely'
import { isConflict, isConnectionLost } from './failures.ts'
import type { Tx } from './open-db.ts'

/** What came of it. */
export type Attempted<Result> = { readonly value: Result } | { readonly error: unknown }

/**
 * Does a part of a transaction. When it fails, what it wrote is taken back, and the transaction can go on without it.
 *
 * A conflict with another transaction, or a connection that was lost, is thrown: it is no fault of the part.
 */
export async function attempt<Tables, Result>(tx: Tx<Tables>, part: () => Promise<Result>): Promise<Attempted<Result>> {
  await sql`savepoint attempt`.execute(tx)
  try {
    const value = await part()
    await sql`release savepoint attempt`.execute(tx)
    return { value }
  } catch (error) {
    if (isConflict(error) || isConnectionLost(error)) throw error
    await sql`rollback to savepoint attempt`.execute(tx)
    await sql`release savepoint attempt`.execute(tx)
    return { error }
  }
}
