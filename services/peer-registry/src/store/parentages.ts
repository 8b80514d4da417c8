import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Parentage } from '../parentage.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const PARENTAGE = [
  'peer_id', 'parent_peer_id', 'spawn_mode', 'token_digest', 'refused_reason', 'refused_message', 'enrollment_sealed',
  'created_at', 'done_at',
] as const // prettier-ignore

/** Writes it, in the place of what was known of the same parent before. */
export async function put(tx: Tx<Tables>, parentage: Parentage): Promise<void> {
  const row = toRow(parentage)
  await tx
    .insertInto('parentage')
    .values(row)
    .onConflict((on) => on.column('peer_id').doUpdateSet(row))
    .execute()
}

/**
 * What we are the child by, as the parent calls it; held until the transaction ends, whether it is there or not: an
 * agent that is started twice joins once.
 */
export async function holdByParent(tx: Tx<Tables>, parentPeerId: string): Promise<Parentage | undefined> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`parent ${parentPeerId}`}, 0))`.execute(tx)
  const row = await tx
    .selectFrom('parentage')
    .select(PARENTAGE)
    .where('parent_peer_id', '=', parentPeerId)
    .executeTakeFirst()
  return row && fromRow<Parentage>(row)
}

/** The same by our own id of the peering, locked; undefined for a peer that is no parent of ours. */
export async function lock(tx: Tx<Tables>, peerId: string): Promise<Parentage | undefined> {
  const row = await tx
    .selectFrom('parentage')
    .select(PARENTAGE)
    .where('peer_id', '=', peerId)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow<Parentage>(row)
}
