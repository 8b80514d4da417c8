import type { Tx } from '@powernode/postgres'
import { sql, type RawBuilder } from 'kysely'
import type { Standing } from './signer.ts'

export type Queued = { readonly id: string; readonly subject: string; readonly event: Uint8Array }
export type KnownStream = {
  readonly created: string
  readonly lastSequence: number
  /** What was published last; undefined when what comes next follows nothing, since older events are queued again. */
  readonly lastEvent?: string | undefined
}

/** Takes the schema's relay lock until the transaction ends. False: another replica publishes. */
export async function takeTurn<DB>(tx: Tx<DB>): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.outbox', 0)) as held`.execute(tx)
  return rows[0]?.held === true
}

/** The oldest events that wait to be published. */
export async function waiting<DB>(tx: Tx<DB>, limit: number): Promise<readonly Queued[]> {
  const { rows } = await sql<Queued>`
    select id, subject, event from outbox where published_at is null order by position limit ${limit}`.execute(tx)
  return rows
}

/** Notes that JetStream holds these events. They stay until `trim`, in case it loses them. */
export async function markPublished<DB>(
  tx: Tx<DB>,
  ids: readonly string[],
  { now, serial, root }: { readonly now: Date; readonly serial: string; readonly root: string },
): Promise<void> {
  await sql`
    update outbox set published_at = ${now}, signed_by = ${serial}, signed_under = ${root}
    where id = any(${ids}::uuid[])`.execute(tx)
}

/** So many rows that one statement stays far below its time limit. */
const AGAIN_BATCH = 20_000

/** Queues everything that is kept once more: the stream that held it is gone. Consumers drop what they have already handled. */
export function queueAgain<DB>(tx: Tx<DB>): Promise<number> {
  return queueAgainWhere(tx, sql`true`)
}

/** Queues once more what was signed with something that is trusted no more: who has not handled it yet will not believe it. */
export function queueDoubted<DB>(tx: Tx<DB>, { roots, revoked }: Standing): Promise<number> {
  return queueAgainWhere(tx, sql`(signed_under <> all(${roots}) or signed_by = any(${revoked}))`)
}

async function queueAgainWhere<DB>(tx: Tx<DB>, condition: RawBuilder<unknown>): Promise<number> {
  for (let count = 0; ;) {
    const { numAffectedRows = 0n } = await sql`
      update outbox set published_at = null where position in (
        select position from outbox where published_at is not null and ${condition} limit ${AGAIN_BATCH}
      )`.execute(tx)
    count += Number(numAffectedRows)
    if (numAffectedRows < AGAIN_BATCH) return count
  }
}

/** Drops a batch of events published before `before`; returns how many went. */
export async function trim<DB>(tx: Tx<DB>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from outbox where position in (
      select position from outbox where published_at < ${before} order by published_at limit ${limit}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

/** The stream our published events went to, as it was when last seen. */
export async function knownStream<DB>(tx: Tx<DB>, stream: string): Promise<KnownStream | undefined> {
  const { rows } = await sql<{ created: string; last_sequence: number; last_event: string | null }>`
    select created, last_sequence, last_event from outbox_stream where stream = ${stream}`.execute(tx)
  const [row] = rows
  return row && { created: row.created, lastSequence: row.last_sequence, lastEvent: row.last_event ?? undefined }
}

export async function rememberStream<DB>(tx: Tx<DB>, stream: string, seen: KnownStream): Promise<void> {
  await sql`
    insert into outbox_stream (stream, created, last_sequence) values (${stream}, ${seen.created}, ${seen.lastSequence})
    on conflict (stream) do update
      set created = excluded.created, last_sequence = excluded.last_sequence, last_event = null`.execute(tx)
}

export async function advanceStream<DB>(
  tx: Tx<DB>,
  stream: string,
  { sequence, event }: { readonly sequence: number; readonly event: string | undefined },
): Promise<void> {
  await sql`
    update outbox_stream set last_sequence = greatest(last_sequence, ${sequence}), last_event = ${event ?? null}
    where stream = ${stream}`.execute(tx)
}

/** What is published next follows nothing: older events are queued again. */
export async function beginAnew<DB>(tx: Tx<DB>, stream: string): Promise<void> {
  await sql`update outbox_stream set last_event = null where stream = ${stream}`.execute(tx)
}
