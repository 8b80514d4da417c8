import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** The channel on which a new checkpoint, or a new cosignature, is heard: the payload is the log's id. */
export const CHECKPOINT_CHANNEL = 'audit_ledger_checkpoint'

export type Checkpoint = {
  readonly logId: number
  readonly size: number
  readonly root: Uint8Array
  /** A signed note (C2SP tlog-checkpoint) with our signature, and no cosignatures. */
  readonly note: string
  readonly signedAt: Date
}

const COLUMNS = ['log_id as logId', 'size', 'root', 'note', 'signed_at as signedAt'] as const

/**
 * Keeps what was signed, and tells who waits for it. Of one size there is one: whoever comes second with it changes nothing,
 * and MUST compare. Of entries that are not there, since the database came back without them, none is kept. Returns those that are new.
 */
export async function add(
  tx: LedgerTx,
  signed: readonly Checkpoint[],
): Promise<readonly { logId: number; size: number }[]> {
  const { rows } = await sql<{ logId: number; size: number }>`
    with added as (
      insert into checkpoint (log_id, size, root, note, signed_at)
      select log_id, size, decode(root, 'hex'), note, signed_at
      from unnest(${signed.map(({ logId }) => logId)}::int[], ${signed.map(({ size }) => size)}::bigint[],
        ${signed.map(({ root }) => Buffer.from(root).toString('hex'))}::text[], ${signed.map(({ note }) => note)}::text[],
        ${signed.map(({ signedAt }) => signedAt)}::timestamptz[]) as c (log_id, size, root, note, signed_at)
      where exists (select from entry where entry.log_id = c.log_id and entry.sequence = c.size - 1)
      on conflict do nothing
      returning log_id, size
    )
    select log_id as "logId", size, pg_notify(${CHECKPOINT_CHANNEL}, log_id::text) from added`.execute(tx)
  return rows
}

/** The newest one of a log. */
export async function newest(tx: LedgerTx, logId: number): Promise<Checkpoint | undefined> {
  return tx
    .selectFrom('checkpoint')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function ofSize(tx: LedgerTx, logId: number, size: number): Promise<Checkpoint | undefined> {
  return tx
    .selectFrom('checkpoint')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .where('size', '=', size)
    .executeTakeFirst()
}

/** One that covers an entry, with the lines of its cosignatures: the newest that a witness has seen, or else the newest. */
export async function covering(
  tx: LedgerTx,
  logId: number,
  sequence: number,
): Promise<(Checkpoint & { readonly lines: readonly string[] }) | undefined> {
  const { rows } = await sql<Checkpoint & { readonly lines: readonly string[] }>`
    select c.log_id as "logId", c.size, c.root, c.note, c.signed_at as "signedAt", coalesce((
        select array_agg(s.line order by s.at, s.name) from cosignature s where s.log_id = c.log_id and s.size = c.size
      ), '{}') as lines
    from checkpoint c
    where c.log_id = ${logId} and c.size > ${sequence} and c.size = coalesce(
      (select s.size from cosignature s where s.log_id = ${logId} and s.size > ${sequence} order by s.size desc limit 1),
      (select n.size from checkpoint n where n.log_id = ${logId} order by n.size desc limit 1)
    )`.execute(tx)
  return rows[0]
}

/** The newest one that was signed before a moment. */
export async function newestBefore(tx: LedgerTx, logId: number, before: Date): Promise<Checkpoint | undefined> {
  return tx
    .selectFrom('checkpoint')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .where('signed_at', '<', before)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Those of a stretch of sizes, both ends included. */
export async function within(
  tx: LedgerTx,
  logId: number,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<readonly Checkpoint[]> {
  return tx
    .selectFrom('checkpoint')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .where('size', '>=', first)
    .where('size', '<=', last)
    .orderBy('size')
    .execute()
}
