import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** A checkpoint of a peer's log about us, as we have witnessed it. */
export type Witnessed = {
  readonly peerId: string
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** With the log's signature, and no other. */
  readonly note: string
  readonly at: Date
}

type Of = { readonly peerId: string; readonly origin: string }

const COLUMNS = ['peer_id as peerId', 'origin', 'size', 'root', 'note', 'at'] as const

/**
 * Waits for its turn to look at a peer's log and to say what was seen. Held until the transaction ends: what was checked
 * against, and what is stored, are one step, whichever replica does it (tlog-witness: the race of two checkpoints).
 */
export async function lock(tx: LedgerTx, peerId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('audit_ledger.witness.' || ${peerId}, 0))`.execute(tx)
}

/** The largest that we have witnessed. */
export async function newest(tx: LedgerTx, { peerId, origin }: Of): Promise<Witnessed | undefined> {
  return tx
    .selectFrom('witnessed')
    .select(COLUMNS)
    .where('peer_id', '=', peerId)
    .where('origin', '=', origin)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function ofSize(tx: LedgerTx, { peerId, origin }: Of, size: number): Promise<Witnessed | undefined> {
  return tx
    .selectFrom('witnessed')
    .select(COLUMNS)
    .where('peer_id', '=', peerId)
    .where('origin', '=', origin)
    .where('size', '=', size)
    .executeTakeFirst()
}

/** The largest size that we have witnessed of each of these peers' logs. */
export async function sizes(tx: LedgerTx, peerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ peerId: string; size: number }>`
    select id as "peerId", w.size
    from unnest(${peerIds}::uuid[]) as id
    cross join lateral (select max(size) as size from witnessed where peer_id = id) w
    where w.size is not null`.execute(tx)
  return new Map(rows.map(({ peerId, size }) => [peerId, size]))
}

/** Whether so many of a log were witnessed after a moment. */
export async function areSince(
  tx: LedgerTx,
  { peerId, origin }: Of,
  { count, after }: { readonly count: number; readonly after: Date },
): Promise<boolean> {
  const { rows } = await sql<{ at: Date }>`
    select at from witnessed where peer_id = ${peerId} and origin = ${origin}
    order by size desc offset ${count - 1} limit 1`.execute(tx)
  const [one] = rows
  return one !== undefined && one.at > after
}

/** Keeps what we have witnessed. MUST hold the lock; of one size there is one for ever. */
export async function add(tx: LedgerTx, { peerId, origin, size, root, note, at }: Witnessed): Promise<void> {
  await tx.insertInto('witnessed').values({ peer_id: peerId, origin, size, root, note, at }).execute()
}

export type Regression = Of & { readonly witnessedSize: number; readonly size: number; readonly note: string }

/** Notes that a log was seen shorter than it was; returns when that was seen first. MUST hold the lock. */
export async function noteRegression(
  tx: LedgerTx,
  { peerId, origin, witnessedSize, size, note }: Regression,
  now: Date,
): Promise<Date> {
  await tx
    .insertInto('regression')
    .values({ peer_id: peerId, origin, witnessed_size: witnessedSize, size, note, at: now })
    .onConflict((on) => on.doNothing())
    .execute()
  const { at } = await tx
    .selectFrom('regression')
    .select('at')
    .where('peer_id', '=', peerId)
    .where('origin', '=', origin)
    .where('witnessed_size', '=', witnessedSize)
    .executeTakeFirstOrThrow()
  return at
}

/** Those of sizes from one to another, both included. */
export async function ofSizes(
  tx: LedgerTx,
  { peerId, origin }: Of,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly Witnessed[]> {
  return tx
    .selectFrom('witnessed')
    .select(COLUMNS)
    .where('peer_id', '=', peerId)
    .where('origin', '=', origin)
    .where('size', '>=', from)
    .where('size', '<=', to)
    .execute()
}
