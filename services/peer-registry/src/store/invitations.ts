import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Invitation } from '../invitation.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const INVITATION = [
  'id', 'peer_id', 'name', 'note', 'token_digest', 'created_by', 'created_at', 'expires_at', 'redeemed_at', 'redeemed_by',
  'acceptance_digest', 'answer', 'revoked_at', 'expired_at', 'boot_bound',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, invitation: Invitation): Promise<void> {
  await tx.insertInto('invitation').values(toRow(invitation)).execute()
}

/** The invitation a token opens. Not locked: whoever spends it locks its peer first, then it. */
export async function findByDigest(tx: Tx<Tables>, digest: Buffer): Promise<Invitation | undefined> {
  const row = await tx.selectFrom('invitation').select(INVITATION).where('token_digest', '=', digest).executeTakeFirst()
  return row && fromRow<Invitation>(row)
}

export async function lock(tx: Tx<Tables>, id: string): Promise<Invitation> {
  const row = await tx.selectFrom('invitation').select(INVITATION).where('id', '=', id).forUpdate().executeTakeFirst()
  if (!row) throw new Refusal('INVITATION_NOT_FOUND', `there is no invitation ${id}`, { next: 'fedctl invite list' })
  return fromRow<Invitation>(row)
}

export async function save(tx: Tx<Tables>, after: Invitation): Promise<void> {
  await tx.updateTable('invitation').set(toRow(after)).where('id', '=', after.id).executeTakeFirstOrThrow()
}

export async function list(
  tx: Tx<Tables>,
  { peerId, afterId, limit }: { peerId: string | undefined; afterId: string | undefined; limit: number },
): Promise<Invitation[]> {
  const rows = await tx
    .selectFrom('invitation')
    .select(INVITATION)
    .$if(peerId !== undefined, (on) => on.where('peer_id', '=', peerId ?? ''))
    .$if(afterId !== undefined, (on) => on.where('id', '>', afterId ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => fromRow<Invitation>(row))
}

/** Of each of these peers, when its last open invitation runs out. */
export async function openUntil(tx: Tx<Tables>, peerIds: readonly string[], now: Date): Promise<Map<string, Date>> {
  if (peerIds.length === 0) return new Map()
  const rows = await tx
    .selectFrom('invitation')
    .select((on) => ['peer_id', on.fn.max('expires_at').as('until')])
    .where('peer_id', 'in', peerIds)
    .where('redeemed_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .groupBy('peer_id')
    .execute()
  return new Map(rows.map(({ peer_id, until }) => [peer_id, until]))
}

/** Open invitations of a peer, locked. */
export async function lockOpen(tx: Tx<Tables>, peerId: string, now: Date): Promise<Invitation[]> {
  const rows = await tx
    .selectFrom('invitation')
    .select(INVITATION)
    .where('peer_id', '=', peerId)
    .where('redeemed_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy('id')
    .forUpdate()
    .execute()
  return rows.map((row) => fromRow<Invitation>(row))
}

/** Boot-bound invitations of a peer that have not come to an end by anybody's doing, run out or not; locked. */
export async function lockBootBound(tx: Tx<Tables>, peerId: string): Promise<Invitation[]> {
  const rows = await tx
    .selectFrom('invitation')
    .select(INVITATION)
    .where('peer_id', '=', peerId)
    .where('boot_bound', '=', true)
    .where('redeemed_at', 'is', null)
    .where('revoked_at', 'is', null)
    .forUpdate()
    .execute()
  return rows.map((row) => fromRow<Invitation>(row))
}

/** Invitations that have run out and of which nobody was told, locked. */
export async function lockRunOut(tx: Tx<Tables>, now: Date, limit: number): Promise<Invitation[]> {
  const rows = await tx
    .selectFrom('invitation')
    .select(INVITATION)
    .where('expires_at', '<=', now)
    .where('redeemed_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expired_at', 'is', null)
    .orderBy('expires_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute()
  return rows.map((row) => fromRow<Invitation>(row))
}
