import { sql } from 'kysely'
import type { ReceivedGrant } from '../received-grant.ts'
import type { GrantTx } from './tables.ts'

const RECEIVED = [
  'peer_id as peerId', 'grant_id as grantId', 'remote_subject as remoteSubject', 'resource_kind as resourceKind',
  'resource_id as resourceId', 'scopes', 'issued_at as issuedAt', 'expires_at as expiresAt', 'revoked_at as revokedAt',
  'revocation_reason as revocationReason', 'reminded_at as remindedAt', 'revision', 'sealed_bearer as sealedBearer',
  'received_at as receivedAt', 'last_changed_at as lastChangedAt',
] as const // prettier-ignore

export async function find(tx: GrantTx, peerId: string, grantId: string): Promise<ReceivedGrant | undefined> {
  return tx
    .selectFrom('received_grant')
    .select(RECEIVED)
    .where('peer_id', '=', peerId)
    .where('grant_id', '=', grantId)
    .executeTakeFirst()
}

/** How many grants of a peer we keep, its newest counted up to `limit`. */
export async function countOf(tx: GrantTx, peerId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from (select 1 from received_grant where peer_id = ${peerId} limit ${limit}) as held`.execute(tx)
  return rows[0]?.count ?? 0
}

export async function put(tx: GrantTx, grant: ReceivedGrant): Promise<void> {
  const row = {
    peer_id: grant.peerId,
    grant_id: grant.grantId,
    remote_subject: grant.remoteSubject,
    resource_kind: grant.resourceKind,
    resource_id: grant.resourceId,
    scopes: grant.scopes,
    issued_at: grant.issuedAt,
    expires_at: grant.expiresAt,
    revoked_at: grant.revokedAt,
    revocation_reason: grant.revocationReason,
    reminded_at: grant.remindedAt,
    revision: grant.revision,
    sealed_bearer: grant.sealedBearer,
    received_at: grant.receivedAt,
    last_changed_at: grant.lastChangedAt,
  }
  await tx
    .insertInto('received_grant')
    .values(row)
    .onConflict((on) => on.columns(['peer_id', 'grant_id']).doUpdateSet(row))
    .execute()
}

/** A page, by the grantor's ids; of all grantors when `peerId` is empty. */
export async function page(
  tx: GrantTx,
  { peerId, last, limit }: { peerId: string; last: string | undefined; limit: number },
): Promise<ReceivedGrant[]> {
  return tx
    .selectFrom('received_grant')
    .select(RECEIVED)
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .$if(last !== undefined, (query) =>
      query.where(
        sql<boolean>`(grant_id, peer_id) > (${(last ?? '').slice(0, 36)}::uuid, ${(last ?? '').slice(37)}::uuid)`,
      ),
    )
    .orderBy('grant_id')
    .orderBy('peer_id')
    .limit(limit)
    .execute()
}

/**
 * The live grant of a peer, with its bearer, that fits a call best: one for just this resource before one for any of its
 * kind, the one that can do least, the one that lasts longest.
 */
export async function fitting(
  tx: GrantTx,
  now: Date,
  wanted: {
    readonly peerId: string
    readonly resourceKind: string
    readonly resourceId: string
    readonly scope: string
  },
): Promise<ReceivedGrant | undefined> {
  const { peerId, resourceKind, resourceId, scope } = wanted
  return tx
    .selectFrom('received_grant')
    .select(RECEIVED)
    .where('peer_id', '=', peerId)
    .where('resource_kind', '=', resourceKind)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .where('sealed_bearer', 'is not', null)
    .where(sql<boolean>`${scope} = any (scopes)`)
    .$if(resourceId !== '', (query) => query.where('resource_id', 'in', ['', resourceId]))
    .orderBy(sql`resource_id = ${resourceId}`, 'desc')
    .orderBy(sql`cardinality(scopes)`)
    .orderBy('expires_at', 'desc')
    .orderBy('grant_id')
    .limit(1)
    .executeTakeFirst()
}

/** The peer is over: of what it gave to us no bearer is kept. */
export async function wipeOf(tx: GrantTx, peerId: string): Promise<void> {
  await tx
    .updateTable('received_grant')
    .set({ sealed_bearer: null })
    .where('peer_id', '=', peerId)
    .where('sealed_bearer', 'is not', null)
    .execute()
}

/** Forgets up to `limit` that are over since before a moment. */
export async function forget(tx: GrantTx, { overBefore, limit }: { overBefore: Date; limit: number }): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('received_grant')
    .where(
      sql<boolean>`(peer_id, grant_id) in (select peer_id, grant_id from received_grant
        where least(expires_at, revoked_at) <= ${overBefore} order by expires_at limit ${limit} for update skip locked)`,
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
