import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Delivery, DeliveryStatus, Notice, NoticeKind } from '../notice.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const DELIVERY = [
  'notice_id', 'peer_id', 'status', 'attempts', 'last_error', 'settled_at', 'statement', 'receipt',
] as const // prettier-ignore

/** So many rows that one statement stays far below the parameters it may have. */
const BATCH = 1_000

export async function insertAll(tx: Tx<Tables>, deliveries: readonly Delivery[]): Promise<void> {
  for (let at = 0; at < deliveries.length; at += BATCH)
    await tx
      .insertInto('notice_delivery')
      .values(deliveries.slice(at, at + BATCH).map(toRow))
      .execute()
}

/** What is still to be told to a peer, oldest first; held until the transaction ends. */
export async function lockOwed(tx: Tx<Tables>, peerId: string, kind: NoticeKind): Promise<Delivery[]> {
  const rows = await tx
    .selectFrom('notice_delivery')
    .innerJoin('notice', 'notice.id', 'notice_delivery.notice_id')
    .select(DELIVERY.map((column) => `notice_delivery.${column}` as const))
    .where('notice_delivery.peer_id', '=', peerId)
    .where('notice_delivery.status', '=', 'owed')
    .where('notice.kind', '=', kind)
    .orderBy('notice.id')
    .forUpdate('notice_delivery')
    .execute()
  return rows.map((row) => fromRow<Delivery>(row))
}

/** Writes what became of a delivery that was owed until now. */
export async function settle(tx: Tx<Tables>, after: Delivery): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('notice_delivery')
    .set(toRow(after))
    .where('notice_id', '=', after.noticeId)
    .where('peer_id', '=', after.peerId)
    .where('status', '=', 'owed')
    .executeTakeFirstOrThrow()
  if (numUpdatedRows !== 1n) throw new Error(`the delivery of notice ${after.noticeId} was settled while we held it`)
}

/** A delivery as operators see it: with the peer's name, and how the errand fares while it is owed. */
export type ShownDelivery = Delivery & { readonly peerName: string; readonly nextAttemptAt: Date | null }

/** A page of a notice's deliveries, by peer. */
export async function listOf(
  tx: Tx<Tables>,
  { id, kind }: Notice,
  { afterId, limit }: { readonly afterId: string | undefined; readonly limit: number },
): Promise<ShownDelivery[]> {
  const rows = await tx
    .selectFrom('notice_delivery as delivery')
    .innerJoin('peer', 'peer.id', 'delivery.peer_id')
    .leftJoin('errand', (on) =>
      on
        .onRef('errand.peer_id', '=', 'delivery.peer_id')
        .on('errand.kind', '=', ERRANDS[kind])
        .on('delivery.status', '=', 'owed'),
    )
    .select([
      'delivery.notice_id',
      'delivery.peer_id',
      'delivery.status',
      'delivery.settled_at',
      'delivery.statement',
      'delivery.receipt',
      'peer.name as peer_name',
      'errand.next_attempt_at',
      sql<number>`coalesce(errand.attempts, delivery.attempts)`.as('attempts'),
      sql<string>`coalesce(nullif(errand.last_error, ''), delivery.last_error)`.as('last_error'),
    ]) // prettier-ignore
    .where('delivery.notice_id', '=', id)
    .$if(afterId !== undefined, (on) => on.where('delivery.peer_id', '>', afterId ?? ''))
    .orderBy('delivery.peer_id')
    .limit(limit)
    .execute()
  return rows.map((row) => fromRow<ShownDelivery>(row))
}

/** By what errand a notice is carried. */
const ERRANDS = { compromise: 'notify_compromise', revocation: 'notify_revocation' } as const

export type Counts = Readonly<Record<DeliveryStatus, number>> & {
  /** When the last of those who have heard it did. */
  readonly lastDeliveredAt: Date | null
}

/** Of each of these notices, how many partners have heard it, are still to hear it, and will not. */
export async function counts(tx: Tx<Tables>, noticeIds: readonly string[]): Promise<ReadonlyMap<string, Counts>> {
  if (noticeIds.length === 0) return new Map()
  const rows = await tx
    .selectFrom('notice_delivery')
    .select((on) => [
      'notice_id',
      'status',
      on.fn.countAll<number>().as('count'),
      on.fn.max('settled_at').as('last_at'),
    ])
    .where('notice_id', 'in', noticeIds)
    .groupBy(['notice_id', 'status'])
    .execute()
  const all = new Map<string, Counts>()
  for (const { notice_id, status, count, last_at } of rows)
    all.set(notice_id, {
      ...(all.get(notice_id) ?? NOBODY),
      [status]: count,
      ...(status === 'delivered' && { lastDeliveredAt: last_at }),
    })
  return all
}

export const NOBODY: Counts = { owed: 0, delivered: 0, given_up: 0, lastDeliveredAt: null }
