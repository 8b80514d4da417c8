import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Notice, NoticeDirection, NoticeKind } from '../notice.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const SUMMED_UP = [
  'id', 'kind', 'direction', 'sender_id', 'peer_id', 'summary', 'affected', 'advice', 'discovered_at', 'declared_at', 'due_at',
  'declared_by', 'received_at',
] as const // prettier-ignore
const NOTICE = [...SUMMED_UP, 'statement', 'receipt'] as const

export async function insert(tx: Tx<Tables>, notice: Notice): Promise<void> {
  await tx.insertInto('notice').values(toRow(notice)).execute()
}

export async function read(tx: Tx<Tables>, id: string): Promise<Notice> {
  const row = await tx.selectFrom('notice').select(NOTICE).where('id', '=', id).executeTakeFirst()
  if (!row) throw new Refusal('NOTICE_NOT_FOUND', `there is no notice ${id}`, { next: 'fedctl notice list' })
  return fromRow<Notice>(row)
}

/** The compromise that a peer told us under its id of it. */
export async function findReceived(tx: Tx<Tables>, peerId: string, senderId: string): Promise<Notice | undefined> {
  const row = await tx
    .selectFrom('notice')
    .select(NOTICE)
    .where('peer_id', '=', peerId)
    .where('sender_id', '=', senderId)
    .where('direction', '=', 'received')
    .executeTakeFirst()
  return row && fromRow<Notice>(row)
}

/** The notice by which the peering ended, as we sent it or as we heard it. */
export async function findRevocation(
  tx: Tx<Tables>,
  peerId: string,
  direction: NoticeDirection,
): Promise<Notice | undefined> {
  const row = await tx
    .selectFrom('notice')
    .select(NOTICE)
    .where('peer_id', '=', peerId)
    .where('direction', '=', direction)
    .where('kind', '=', 'revocation')
    .executeTakeFirst()
  return row && fromRow<Notice>(row)
}

/** How many notices a peer has sent us since a moment. */
export async function countReceived(tx: Tx<Tables>, peerId: string, since: Date): Promise<number> {
  const row = await tx
    .selectFrom('notice')
    .select((on) => on.fn.countAll<number>().as('count'))
    .where('peer_id', '=', peerId)
    .where('direction', '=', 'received')
    .where('received_at', '>', since)
    .executeTakeFirstOrThrow()
  return row.count
}

export type NoticeFilter = {
  readonly direction: NoticeDirection | undefined
  readonly kind: NoticeKind | undefined
  readonly peerId: string | undefined
  readonly beforeId: string | undefined
  readonly limit: number
}

/** A page of notices, the newest first (UUIDv7); without what was said word for word. */
export async function list(tx: Tx<Tables>, filter: NoticeFilter): Promise<Notice[]> {
  const { direction, kind, peerId, beforeId, limit } = filter
  const rows = await tx
    .selectFrom('notice')
    .select(SUMMED_UP)
    .$if(direction !== undefined, (on) => on.where('direction', '=', direction ?? 'sent'))
    .$if(kind !== undefined, (on) => on.where('kind', '=', kind ?? 'compromise'))
    .$if(peerId !== undefined, (on) => on.where('peer_id', '=', peerId ?? ''))
    .$if(beforeId !== undefined, (on) => on.where('id', '<', beforeId ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => fromRow<Notice>({ ...row, statement: null, receipt: null }))
}
