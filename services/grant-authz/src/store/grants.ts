import { isCheckViolation, isUniqueViolation } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Grant } from '../grant.ts'
import { grantExists, grantNotFound, metadataTooLarge } from '../grant-refusals.ts'
import type { GrantTx } from './tables.ts'

/** Every column of a grant under the name it has in the noun. */
export const GRANT = [
  'id', 'peer_id as peerId', 'remote_subject as remoteSubject', 'resource_kind as resourceKind', 'resource_id as resourceId',
  'scopes', 'node_instance_ids as nodeInstanceIds', 'sdwan_network_ids as sdwanNetworkIds', 'source_cidrs as sourceCidrs',
  'bound_identities as boundIdentities', 'secret_sha256 as secretSha256', 'issued_at as issuedAt', 'issued_by as issuedBy',
  'ttl_ms as ttlMs', 'expires_at as expiresAt', 'renewed_at as renewedAt', 'revoked_at as revokedAt', 'revoked_by as revokedBy',
  'revocation_reason as revocationReason', 'ended_at as endedAt', 'archived_at as archivedAt', 'reminded_at as remindedAt',
  'delivered_at as deliveredAt', 'last_changed_at as lastChangedAt', 'metadata', 'revision',
] as const // prettier-ignore

/** Adds a grant. MUST be called under the peer's lock. */
export async function add(tx: GrantTx, grant: Grant): Promise<void> {
  const row = {
    id: grant.id,
    peer_id: grant.peerId,
    remote_subject: grant.remoteSubject,
    resource_kind: grant.resourceKind,
    resource_id: grant.resourceId,
    secret_sha256: grant.secretSha256,
    issued_at: grant.issuedAt,
    issued_by: grant.issuedBy,
    ttl_ms: grant.ttlMs,
    ...changeable(grant),
  }
  try {
    await tx.insertInto('federation_grant').values(row).execute()
  } catch (error) {
    if (isUniqueViolation(error, 'federation_grant_one_live')) throw grantExists(grant)
    if (isCheckViolation(error, 'grant_metadata_small')) throw metadataTooLarge()
    throw error
  }
}

/** What may become different in the life of a grant. */
function changeable(grant: Grant) {
  return {
    scopes: grant.scopes,
    node_instance_ids: grant.nodeInstanceIds,
    sdwan_network_ids: grant.sdwanNetworkIds,
    source_cidrs: grant.sourceCidrs,
    bound_identities: grant.boundIdentities,
    expires_at: grant.expiresAt,
    renewed_at: grant.renewedAt,
    reminded_at: grant.remindedAt,
    last_changed_at: grant.lastChangedAt,
    metadata: JSON.stringify(grant.metadata),
  }
}

/** The grant, locked until the transaction ends. */
export async function lock(tx: GrantTx, id: string): Promise<Grant> {
  const row = await tx.selectFrom('federation_grant').select(GRANT).where('id', '=', id).forUpdate().executeTakeFirst()
  if (!row) throw grantNotFound(id)
  return row
}

export async function find(tx: GrantTx, id: string): Promise<Grant | undefined> {
  return tx.selectFrom('federation_grant').select(GRANT).where('id', '=', id).executeTakeFirst()
}

type Key = Pick<Grant, 'peerId' | 'remoteSubject' | 'resourceKind' | 'resourceId'>

/** The one grant of this peer, subject, kind and resource that has not ended, locked; it may have expired unnoticed. */
export async function unendedLike(tx: GrantTx, key: Key): Promise<Grant | undefined> {
  return tx
    .selectFrom('federation_grant')
    .select(GRANT)
    .where('peer_id', '=', key.peerId)
    .where('remote_subject', '=', key.remoteSubject)
    .where('resource_kind', '=', key.resourceKind)
    .where('resource_id', '=', key.resourceId)
    .where('ended_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
}

/** The newest grant of this peer, subject, kind and resource, whatever became of it. */
export async function newestLike(tx: GrantTx, key: Key): Promise<Grant | undefined> {
  return tx
    .selectFrom('federation_grant')
    .select(GRANT)
    .where('peer_id', '=', key.peerId)
    .where('remote_subject', '=', key.remoteSubject)
    .where('resource_kind', '=', key.resourceKind)
    .where('resource_id', '=', key.resourceId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Writes `after`, provided the row still stands where `before` left it. Answers with the row: its revision has grown. */
export async function save(tx: GrantTx, before: Grant, after: Grant): Promise<Grant> {
  const saved = await tx
    .updateTable('federation_grant')
    .set(changeable(after))
    .where('id', '=', before.id)
    .where('revision', '=', before.revision)
    .where('ended_at', 'is', null)
    .returning(GRANT)
    .executeTakeFirst()
  if (!saved) throw new Error(`grant ${before.id} moved while we held it`)
  return saved
}

/** Which unrevoked grants are meant; what is undefined does not matter. */
export type Chosen = {
  readonly peerId?: string | undefined
  readonly resourceKind?: string | undefined
  readonly issuedBefore?: Date | undefined
  readonly grantId?: string | undefined
  /** Only those after it: what was gone through already is not gone through again. */
  readonly afterId?: string | undefined
}

/** The unrevoked grants that are meant. Expired ones too: they end as well, so that no clock that is behind brings one back. */
function unrevoked(tx: GrantTx, { peerId, resourceKind, issuedBefore, grantId, afterId }: Chosen) {
  return tx
    .selectFrom('federation_grant')
    .where('revoked_at', 'is', null)
    .where('archived_at', 'is', null)
    .$if(grantId !== undefined, (query) => query.where('id', '=', grantId ?? ''))
    .$if(afterId !== undefined, (query) => query.where('id', '>', afterId ?? ''))
    .$if(peerId !== undefined, (query) => query.where('peer_id', '=', peerId ?? ''))
    .$if(resourceKind !== undefined, (query) => query.where('resource_kind', '=', resourceKind ?? ''))
    .$if(issuedBefore !== undefined, (query) => query.where('issued_at', '<', issuedBefore ?? new Date(0)))
}

/** Up to `limit` of them, locked, in the order of their ids: two who revoke many do not wait for each other in a circle. */
export async function lockUnrevoked(tx: GrantTx, chosen: Chosen, limit: number): Promise<string[]> {
  const rows = await unrevoked(tx, chosen).select('id').orderBy('id').limit(limit).forUpdate().execute()
  return rows.map(({ id }) => id)
}

export async function countUnrevoked(tx: GrantTx, chosen: Chosen): Promise<number> {
  const row = await unrevoked(tx, chosen)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}

/** Ends grants whose rows the caller holds, for good. Of one that had expired, its end stays where it was. */
export async function revoke(
  tx: GrantTx,
  ids: readonly string[],
  { at, by, reason }: { at: Date; by: string; reason: string },
): Promise<Grant[]> {
  if (ids.length === 0) return []
  const revoked = await tx
    .updateTable('federation_grant')
    .set({
      revoked_at: at,
      revoked_by: by,
      revocation_reason: reason,
      last_changed_at: at,
      ended_at: sql<Date>`coalesce(ended_at, least(expires_at, ${at}::timestamptz))`,
    })
    .where('id', 'in', ids)
    .where('revoked_at', 'is', null)
    .returning(GRANT)
    .execute()
  if (revoked.length !== ids.length) throw new Error('a grant moved while we held it')
  return revoked.toSorted((one, other) => (one.id < other.id ? -1 : 1))
}

/** A page of grants, by id. */
export async function page(
  tx: GrantTx,
  now: Date,
  wanted: {
    readonly peerId: string
    readonly resourceKind: string
    readonly statuses: readonly string[]
    readonly archivedAfter?: Date | undefined
    readonly last: string | undefined
    readonly limit: number
  },
): Promise<Grant[]> {
  const { peerId, resourceKind, statuses, archivedAfter, last, limit } = wanted
  const status = sql<string>`case when archived_at is not null then 'archived' when revoked_at is not null then 'revoked'
    when expires_at <= ${now} then 'expired' else 'active' end`
  return tx
    .selectFrom('federation_grant')
    .select(GRANT)
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .$if(resourceKind !== '', (query) => query.where('resource_kind', '=', resourceKind))
    .$if(statuses.length > 0, (query) => query.where(status, 'in', statuses))
    .$if(archivedAfter !== undefined, (query) => query.where('archived_at', '>', archivedAfter ?? null))
    .$if(last !== undefined, (query) => query.where('id', '>', last ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
}
