import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'

/** Writes the receipt of an event. False: this consumer has handled it already. */
export async function receive<DB>(
  tx: Tx<DB>,
  { consumer, eventId, now, signedAt }: { consumer: string; eventId: string; now: Date; signedAt: Date },
): Promise<boolean> {
  const { rows } = await sql`
    insert into inbox (consumer, event_id, handled_at, signed_at) values (${consumer}, ${eventId}, ${now}, ${signedAt})
    on conflict do nothing returning 1`.execute(tx)
  return rows.length === 1
}

/** Whether this consumer has handled the event. */
export async function isHandled<DB>(tx: Tx<DB>, consumer: string, eventId: string): Promise<boolean> {
  const { rows } = await sql`select 1 from inbox where consumer = ${consumer} and event_id = ${eventId}`.execute(tx)
  return rows.length > 0
}

/** When the newest event was signed that this consumer has handled, but for one. */
export async function newestSignature<DB>(tx: Tx<DB>, consumer: string, but: string): Promise<Date | undefined> {
  const { rows } = await sql<{ newest: Date | null }>`
    select max(signed_at) as newest from inbox where consumer = ${consumer} and event_id <> ${but}`.execute(tx)
  return rows[0]?.newest ?? undefined
}

export type DeadLetter = {
  readonly consumer: string
  /** The event's id, or where it lay in the stream when it has none. */
  readonly letterId: string
  readonly subject: string
  readonly reason: string
  readonly detail: string
  readonly message: Uint8Array
}

/** Lays aside what can never be handled, for a person to look at. Doing so twice is doing so once. */
export async function bury<DB>(tx: Tx<DB>, letter: DeadLetter, now: Date): Promise<void> {
  const { consumer, letterId, subject, reason, detail, message } = letter
  await sql`
    insert into dead_letter (consumer, letter_id, subject, reason, detail, message, buried_at)
    values (${consumer}, ${letterId}, ${subject}, ${reason}, ${detail}, ${message}, ${now})
    on conflict do nothing`.execute(tx)
}

/**
 * The same for what nobody owns up to, as long as there are fewer than `most` of its reasons: whoever writes such letters
 * MUST NOT fill our disk with them.
 */
export async function buryAmongFew<DB>(
  tx: Tx<DB>,
  letter: DeadLetter,
  { now, reasons, most }: { readonly now: Date; readonly reasons: readonly string[]; readonly most: number },
): Promise<void> {
  const { rows } = await sql<{ lie: number }>`
    select count(*)::int as lie from dead_letter
    where consumer = ${letter.consumer} and reason = any(${reasons})`.execute(tx)
  if ((rows[0]?.lie ?? 0) < most) await bury(tx, letter, now)
}

/** Drops a batch of receipts written before `before`; returns how many went. */
export async function dropReceipts<DB>(tx: Tx<DB>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from inbox where (consumer, event_id) in (
      select consumer, event_id from inbox where handled_at < ${before} order by handled_at limit ${limit}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}
