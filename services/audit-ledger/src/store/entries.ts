import { sql } from 'kysely'
import { EMPTY, type Entry, type Head } from '../entry.ts'
import type { LedgerTx } from './tables.ts'

const COLUMNS = [
  'sequence',
  'action',
  'at',
  'actor',
  'payload',
  'event_id as eventId',
  'correlation_id as correlationId',
  'canonical',
  'previous_hash as previousHash',
  'hash',
] as const

/**
 * Waits for its turn to write to a log, and returns where the log ends.
 *
 * An advisory lock, because a role that may only SELECT and INSERT cannot lock rows. It is held until the transaction
 * ends, so numbers have no gaps and become visible in their order, however many replicas write.
 */
export async function takeEnd(tx: LedgerTx, log: string): Promise<Head> {
  await sql`select pg_advisory_xact_lock(hashtextextended('audit_ledger.log.' || ${log}, 0))`.execute(tx)
  return end(tx, log)
}

/** Where a log ends. A log that nobody has written to is empty. */
export async function end(tx: LedgerTx, log: string): Promise<Head> {
  const last = await tx
    .selectFrom('entry')
    .select(['sequence as size', 'hash'])
    .where('log', '=', log)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return last ?? EMPTY
}

/** Opens a log with its first entry. MUST hold the log's lock. */
export async function open(tx: LedgerTx, log: string, now: Date): Promise<void> {
  await tx
    .insertInto('log')
    .values({ name: log, opened_at: now })
    .onConflict((on) => on.doNothing())
    .execute()
}

/** Writes the next entry. MUST hold the log's lock; the database refuses one that does not stand on the last. */
export async function add(tx: LedgerTx, log: string, entry: Entry): Promise<void> {
  const { sequence, action, at, actor, payload, eventId, correlationId, canonical, previousHash, hash } = entry
  await tx
    .insertInto('entry')
    .values({
      log,
      sequence,
      action,
      at,
      actor,
      payload: JSON.stringify(payload),
      event_id: eventId,
      correlation_id: correlationId,
      canonical,
      previous_hash: previousHash,
      hash,
    })
    .execute()
}

/** A page of a log, by sequence: a page of the past never changes. */
export async function after(
  tx: LedgerTx,
  log: string,
  { sequence, limit }: { sequence: number; limit: number },
): Promise<Entry[]> {
  return tx
    .selectFrom('entry')
    .select(COLUMNS)
    .where('log', '=', log)
    .where('sequence', '>', sequence)
    .orderBy('sequence')
    .limit(limit)
    .execute()
}
