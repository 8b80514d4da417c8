import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

export type Erasure = {
  readonly logId: number
  /** Of these entries; both ends included. */
  readonly first: number
  readonly last: number
  /** Of the calls among them, because they were kept for long enough. */
  readonly ranOut: boolean
  readonly at: Date
  readonly actor: string
  readonly reason: string
  readonly recordedAt: number | null
}

const COLUMNS = [
  'log_id as logId',
  'first',
  'last',
  'ran_out as ranOut',
  'at',
  'actor',
  'reason',
  'recorded_at as recordedAt',
] as const

/** Deletes salt and payload of the entries named, and says so; returns how many went. */
export async function add(tx: LedgerTx, erasures: readonly Erasure[]): Promise<number> {
  if (erasures.length === 0) return 0
  const rows = await tx
    .insertInto('erasure')
    .values(
      erasures.map(({ logId, first, last, ranOut, at, actor, reason, recordedAt }) => ({
        log_id: logId,
        first,
        last,
        ran_out: ranOut,
        at,
        actor,
        reason,
        recorded_at: recordedAt,
      })),
    )
    .returning('id')
    .execute()
  const ids = rows.map(({ id }) => id)
  const { rows: erased } = await sql<{ n: number }>`select erase_payloads(${ids}::bigint[]) as n`.execute(tx)
  return erased[0]?.n ?? 0
}

/** Those that touch a stretch of a log. */
export async function within(
  tx: LedgerTx,
  logId: number,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<readonly Erasure[]> {
  return tx
    .selectFrom('erasure')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .where('first', '<=', last)
    .where('last', '>=', first)
    .orderBy('id')
    .execute()
}

/** Up to where the payloads of a log's calls have run out: the first that has not. */
export async function ranOutBelow(tx: LedgerTx, logId: number): Promise<number> {
  const newest = await tx
    .selectFrom('erasure')
    .select('last')
    .where('log_id', '=', logId)
    .where('ran_out', '=', true)
    .orderBy('last', 'desc')
    .limit(1)
    .executeTakeFirst()
  return newest ? newest.last + 1 : 0
}

/** The one among these that took the payload of an entry. */
export function covering(
  erasures: readonly Erasure[],
  { sequence, direction }: { readonly sequence: number; readonly direction: string | null },
): Erasure | undefined {
  return erasures.find(
    ({ first, last, ranOut }) => first <= sequence && sequence <= last && (!ranOut || direction !== null),
  )
}
