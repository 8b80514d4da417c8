import type { GrantTx } from './tables.ts'

/** What we know of a peer: whether it is over, and the grant it was given at enrolment. */
export type KnownPeer = {
  readonly id: string
  readonly revokedAt: Date | null
  readonly operatorGrantId: string | null
}

/** Locks a peer, known or not, until the transaction ends. MUST come before anything is decided about its grants. */
export async function lock(tx: GrantTx, id: string): Promise<KnownPeer> {
  return tx
    .insertInto('peer')
    .values({ id, operator_grant_id: null, revoked_at: null })
    .onConflict((on) => on.column('id').doUpdateSet({ id }))
    .returning(['id', 'revoked_at as revokedAt', 'operator_grant_id as operatorGrantId'])
    .executeTakeFirstOrThrow()
}

/** Notes that a peer is over, for good. */
export async function markRevoked(tx: GrantTx, id: string, now: Date): Promise<void> {
  await tx.updateTable('peer').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null).execute()
}

/** Notes the grant that the peer was given at enrolment, for good. */
export async function noteOperatorGrant(tx: GrantTx, id: string, grantId: string): Promise<void> {
  await tx.updateTable('peer').set({ operator_grant_id: grantId }).where('id', '=', id).execute()
}
