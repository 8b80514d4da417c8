import type { GrantTx } from './tables.ts'

/** What we know of a peer: whether it is over, what it was to us when last looked at, and its operators' grant. */
export type KnownPeer = {
  readonly id: string
  readonly operatorGrantId: string | null
  readonly relationship: string
  readonly revokedAt: Date | null
}

/** Locks a peer, known or not, until the transaction ends. MUST come before anything is decided about its grants. */
export async function lock(tx: GrantTx, id: string): Promise<KnownPeer> {
  return tx
    .insertInto('peer')
    .values({ id })
    .onConflict((on) => on.column('id').doUpdateSet({ id }))
    .returning(['id', 'operator_grant_id as operatorGrantId', 'relationship', 'revoked_at as revokedAt'])
    .executeTakeFirstOrThrow()
}

/** Notes that a peer is over, for good. */
export async function markRevoked(tx: GrantTx, id: string, now: Date): Promise<void> {
  await tx.updateTable('peer').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null).execute()
}

/** Notes the grant that the peer's operators hold by default; null: none is due any more. */
export async function noteOperatorGrant(tx: GrantTx, id: string, grantId: string | null): Promise<void> {
  await tx.updateTable('peer').set({ operator_grant_id: grantId }).where('id', '=', id).execute()
}

/** Notes what the peer is to us, and that it was looked at. */
export async function noteReview(tx: GrantTx, id: string, said: { relationship: string; at: Date }): Promise<void> {
  const { relationship, at } = said
  await tx.updateTable('peer').set({ relationship, reviewed_at: at }).where('id', '=', id).execute()
}

/** Notes that a peer was looked at, if it is one we know. */
export async function noteLook(tx: GrantTx, id: string, at: Date): Promise<void> {
  await tx.updateTable('peer').set({ reviewed_at: at }).where('id', '=', id).execute()
}
