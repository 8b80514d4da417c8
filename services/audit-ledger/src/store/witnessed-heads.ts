import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** Where our log about a peer ends, as we signed it. */
export type OwnHead = { readonly peerId: string; readonly note: string; readonly signedAt: Date }

/**
 * The newest checkpoint of every log about a peer that was signed after a moment, the oldest first.
 *
 * At most about `limit`, but all of one moment: what is signed together has one moment, and the next page begins after it.
 */
export async function since(tx: LedgerTx, after: Date, limit: number): Promise<readonly OwnHead[]> {
  const { rows } = await sql<OwnHead>`
    select log.name as "peerId", c.note, c.signed_at as "signedAt"
    from (select distinct log_id from checkpoint where signed_at > ${after}) fresh
    join log on log.id = fresh.log_id and log.name <> 'platform'
    cross join lateral (
      select note, signed_at from checkpoint where log_id = log.id order by size desc limit 1
    ) c
    order by c.signed_at fetch first ${sql.lit(limit)} rows with ties`.execute(tx)
  return rows
}
