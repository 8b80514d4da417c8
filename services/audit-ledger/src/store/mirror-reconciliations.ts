import { sql } from 'kysely'
import type { Counts } from '../comparison.ts'
import type { LedgerTx } from './tables.ts'

export type Due = { readonly peerId: string; readonly comparedUntil: Date | null }

/** Peers whose log was not compared with ours since a moment, those longest ago first. */
export async function due(tx: LedgerTx, { since, limit }: { since: Date; limit: number }): Promise<readonly Due[]> {
  const { rows } = await sql<Due>`
    select log.name as "peerId", last.compared_until as "comparedUntil"
    from log
    left join lateral (
      select at, compared_until from reconciliation where peer_id = case when log.name <> 'platform' then log.name::uuid end order by at desc limit 1
    ) last on true
    where log.name <> 'platform' and coalesce(last.at, log.opened_at) <= ${since}
    order by last.at nulls first
    limit ${limit}`.execute(tx)
  return rows
}

/** Keeps what came of a comparison. */
export async function add(
  tx: LedgerTx,
  { peerId, at, comparedUntil, counts }: { peerId: string; at: Date; comparedUntil: Date; counts: Counts },
): Promise<void> {
  await sql`
    insert into reconciliation
      (peer_id, at, compared_until, matched, missing_here, missing_there, differing, pending)
    values (${peerId}, ${at}, ${comparedUntil}, ${counts.matched}, ${counts.missing_here}, ${counts.missing_there},
      ${counts.differing + counts.repeated}, ${counts.pending})`.execute(tx)
}
