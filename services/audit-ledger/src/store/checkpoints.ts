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
 * and MUST compare. Of entries that are not there, since the database came back without them, none is kept, and none of a size that was
 * pruned meanwhile. Returns those that are new.
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
        and not exists (select from pruning where pruning.log_id = c.log_id and pruning.below > c.size)
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

/** The first one above a size. */
export async function firstAbove(tx: LedgerTx, logId: number, size: number): Promise<Checkpoint | undefined> {
  return tx
    .selectFrom('checkpoint')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .where('size', '>', size)
    .orderBy('size')
    .limit(1)
    .executeTakeFirst()
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
