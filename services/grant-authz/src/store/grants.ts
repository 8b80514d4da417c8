import type { Grant } from '../grant.ts'
import type { GrantRow } from './grant-tables.ts'
import type { GrantTx } from './tables.ts'

const COLUMNS = [
  'id',
  'peer_id',
  'remote_subject',
  'resource_kind',
  'resource_id',
  'scopes',
  'node_instance_ids',
  'sdwan_network_ids',
  'source_cidrs',
  'issued_at',
  'issued_by',
  'expires_at',
  'revoked_at',
  'revocation_reason',
] as const

/** Adds a grant. */
export async function add(tx: GrantTx, grant: Grant): Promise<void> {
  await tx
    .insertInto('federation_grant')
    .values({
      id: grant.id,
      peer_id: grant.peerId,
      remote_subject: grant.remoteSubject,
      resource_kind: grant.resourceKind,
      resource_id: grant.resourceId ?? null,
      scopes: grant.scopes,
      node_instance_ids: grant.nodeInstanceIds,
      sdwan_network_ids: grant.sdwanNetworkIds,
      source_cidrs: grant.sourceCidrs,
      issued_at: grant.issuedAt,
      issued_by: grant.issuedBy,
      expires_at: grant.expiresAt,
      revoked_at: grant.revokedAt ?? null,
    })
    .execute()
}

/** The peer's grants that are not revoked, locked, the oldest first. Expired ones too: they end as well. */
export async function unrevokedOf(tx: GrantTx, peerId: string): Promise<Grant[]> {
  const rows = await tx
    .selectFrom('federation_grant')
    .select(COLUMNS)
    .where('peer_id', '=', peerId)
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute()
  return rows.map(toGrant)
}

/** Writes that a grant is revoked, provided it still stands where `before` left it. */
export async function saveRevoked(tx: GrantTx, before: Grant, after: Grant): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('federation_grant')
    .set({ revoked_at: after.revokedAt ?? null, revocation_reason: after.revocationReason })
    .where('id', '=', before.id)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows !== 1n) throw new Error(`grant ${before.id} moved while we held it`)
}

/** Grants after one, by id; of all peers when `peerId` is empty. */
export async function after(
  tx: GrantTx,
  { peerId, last, limit }: { peerId: string; last: string | undefined; limit: number },
): Promise<Grant[]> {
  const rows = await tx
    .selectFrom('federation_grant')
    .select(COLUMNS)
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .$if(last !== undefined, (query) => query.where('id', '>', last ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(toGrant)
}

type Selected = { readonly [K in (typeof COLUMNS)[number]]: K extends 'revocation_reason' ? string : GrantRow[K] }

function toGrant(row: Selected): Grant {
  return {
    id: row.id,
    peerId: row.peer_id,
    remoteSubject: row.remote_subject,
    resourceKind: row.resource_kind,
    resourceId: row.resource_id ?? undefined,
    scopes: row.scopes,
    nodeInstanceIds: row.node_instance_ids,
    sdwanNetworkIds: row.sdwan_network_ids,
    sourceCidrs: row.source_cidrs,
    issuedAt: row.issued_at,
    issuedBy: row.issued_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    revocationReason: row.revocation_reason,
  }
}
