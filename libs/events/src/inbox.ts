import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'

/** Writes the receipt of an event. False: this consumer has handled it already. */
export async function receive<DB>(
  tx: Tx<DB>,
  { consumer, eventId, now }: { consumer: string; eventId: string; now: Date },
): Promise<boolean> {
  const { rows } = await sql`
    insert into inbox (consumer, event_id, handled_at) values (${consumer}, ${eventId}, ${now})
    on conflict do nothing returning 1`.execute(tx)
  return rows.length === 1
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

/** Drops a batch of receipts written before `before`; returns how many went. */
export async function dropReceipts<DB>(tx: Tx<DB>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from inbox where (consumer, event_id) in (
      select consumer, event_id from inbox where handled_at < ${before} order by handled_at limit ${limit}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}
