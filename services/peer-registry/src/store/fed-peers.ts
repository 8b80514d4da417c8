import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Peer } from '../peer.ts'
import { PEER } from './peers.ts'
import { fromRow } from './rows.ts'
import type { Tables } from './tables.ts'

/** A peer as the feed reads it. */
export type FedPeer = Peer & { readonly forgotten: boolean }

/** Of one snapshot only: a page is never asked for after the transaction. */
export type Page = { readonly afterId: string | undefined; readonly limit: number }

/** Every peer that could be told of, by id. */
export async function pageOfAll(tx: Tx<Tables>, page: Page): Promise<FedPeer[]> {
  return rowsOf(selected(tx, page).where('kind', '=', 'platform').where('forgotten', '=', false))
}

/** The peers that changed after an epoch; with `children`, those we sign for as well. */
export async function pageSince(
  tx: Tx<Tables>,
  { epoch, children, ...page }: Page & { readonly epoch: bigint; readonly children: boolean },
): Promise<FedPeer[]> {
  const weSignFor = sql<boolean>`(trust_mode = 'hierarchical' and not we_redeem and not forgotten)`
  return rowsOf(
    selected(tx, page).where((is) =>
      children ? is.or([is('epoch', '>', Number(epoch)), weSignFor]) : is('epoch', '>', Number(epoch)),
    ),
  )
}

const selected = (tx: Tx<Tables>, { afterId, limit }: Page) =>
  tx
    .selectFrom('peer')
    .select([...PEER, 'forgotten'])
    .$if(afterId !== undefined, (on) => on.where('id', '>', afterId ?? ''))
    .orderBy('id')
    .limit(limit)

async function rowsOf(query: ReturnType<typeof selected>): Promise<FedPeer[]> {
  return (await query.execute()).map((row) => fromRow<FedPeer>(row))
}

/** Whether our own bundle, our CA, or how far a rotation is, changed after an epoch. */
export async function isLocalNewer(tx: Tx<Tables>, epoch: bigint): Promise<boolean> {
  const since = Number(epoch)
  const newer = (table: 'platform' | 'authority' | 'rotation') =>
    tx.selectFrom(table).select('epoch').where('epoch', '>', since)
  const row = await newer('platform').unionAll(newer('authority')).unionAll(newer('rotation')).executeTakeFirst()
  return row !== undefined
}

/** Forgets peers that were revoked before `since`; how many. */
export async function forget(tx: Tx<Tables>, since: Date, limit: number): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('peer')
    .set({ forgotten: true })
    .where('id', 'in', (from) =>
      from
        .selectFrom('peer')
        .select('id')
        .where('state', '=', 'revoked')
        .where('forgotten', '=', false)
        .where('revoked_at', '<=', since)
        .limit(limit),
    )
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}
