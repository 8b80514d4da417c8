import type { Tx } from '@powernode/postgres'
import { sql, type QueryExecutorProvider } from 'kysely'

/** How far a feed has come. Epoch 0 has no mark: nothing was ever changed. */
export type Head = { readonly epoch: bigint; readonly mark: Buffer }

export const NOTHING: Head = { epoch: 0n, mark: Buffer.alloc(0) }

export const sameHead = (one: Head, other: Head): boolean => one.epoch === other.epoch && one.mark.equals(other.mark)

/**
 * The epoch that this transaction has drawn for a feed; undefined when it has changed nothing that the feed tells of.
 *
 * To be asked at the end of a verb, and handed to `Feed.enforced` after the commit.
 */
export async function epochOf<Tables>(tx: Tx<Tables>, feed: string): Promise<bigint | undefined> {
  const { rows } = await sql<{ epoch: string | null }>`
    select nullif(current_setting(${`powernode_feed.${feed}`}, true), '') as epoch`.execute(tx)
  const drawn = rows[0]?.epoch
  return drawn ? BigInt(drawn) : undefined
}

/** How far the feed has come in the snapshot of this statement, or of the transaction. */
export async function readHead(tx: QueryExecutorProvider, feed: string): Promise<Head> {
  const { rows } = await sql<{ epoch: number; mark: Buffer }>`
    select epoch, mark from feed_epoch where feed = ${feed} order by epoch desc limit 1`.execute(tx)
  return rows[0] ? { epoch: BigInt(rows[0].epoch), mark: rows[0].mark } : NOTHING
}

/** As readHead and isKnown, in one round trip; without a position nothing has to be known. */
export async function readHeadFrom(
  tx: QueryExecutorProvider,
  feed: string,
  position: Head | undefined,
): Promise<{ readonly head: Head; readonly isKnown: boolean }> {
  if (!position) return { head: await readHead(tx, feed), isKnown: true }
  const { rows } = await sql<{ epoch: number; mark: Buffer }>`
    select epoch, mark from feed_epoch
    where feed = ${feed} and (epoch = ${String(position.epoch)}
      or epoch = (select max(epoch) from feed_epoch where feed = ${feed}))
    order by epoch desc`.execute(tx)
  const found = rows.map(({ epoch, mark }): Head => ({ epoch: BigInt(epoch), mark }))
  return { head: found[0] ?? NOTHING, isKnown: found.some((head) => sameHead(head, position)) }
}

/** Whether a position lies in the history this database has: one that was put back has forgotten, or has others. */
export async function isKnown(tx: QueryExecutorProvider, feed: string, { epoch, mark }: Head): Promise<boolean> {
  const { rows } = await sql<{ mark: Buffer }>`
    select mark from feed_epoch where feed = ${feed} and epoch = ${epoch}`.execute(tx)
  return rows[0]?.mark.equals(mark) ?? false
}
