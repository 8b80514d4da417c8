import type { Tx } from '@powernode/postgres'
import { isUniqueViolation } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Peer, PeerKind, PeerState, SpawnMode } from '../peer.ts'
import { LIVE } from '../peer.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

export const PEER = [
  'id', 'name', 'state', 'suspended_from', 'reason', 'since', 'kind', 'spawn_mode', 'spawn_role', 'trust_mode', 'we_redeem',
  'url', 'platform_id', 'identity_key', 'trust_domain', 'ca_pin', 'trust_bundle', 'trust_bundle_sequence',
  'acknowledged_bundle_sequence', 'trust_receipt', 'certificate_chain', 'certificate_key_sealed', 'certificate_expires_at',
  'remote_peer_id', 'previous_peer_id', 'parent_peer_id', 'account_id', 'remote_account_id', 'environment_id',
  'remote_instance_id', 'contract_version', 'contract_window', 'features', 'timers', 'disclosure', 'endpoints', 'capabilities',
  'extension_slugs', 'prefix_advertisement', 'data_residency', 'metadata', 'created_at', 'updated_at', 'accepted_at',
  'enrolled_at', 'revoked_at', 'notified_at', 'adoption_offered', 'adoption_offered_by_peer',
  'relationship_sequence', 'peer_relationship_sequence', 'version_status', 'refused_kinds', 'revision',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, peer: Peer): Promise<void> {
  await refusingTaken(peer, () => tx.insertInto('peer').values(toRow(peer)).execute())
}

/** Writes `after`, provided the row still stands where `before` left it. Its revision grows by one. */
export async function save(tx: Tx<Tables>, before: Peer, after: Peer): Promise<Peer> {
  const saved: Peer = { ...after, revision: before.revision + 1 }
  const { numUpdatedRows } = await refusingTaken(after, () =>
    tx
      .updateTable('peer')
      .set(toRow(saved))
      .where('id', '=', before.id)
      .where('revision', '=', before.revision)
      .executeTakeFirstOrThrow(),
  )
  if (numUpdatedRows !== 1n) throw new Error(`peer ${before.id} moved while we held it`)
  return saved
}

/** The peer, locked until the transaction ends, so that its events are queued in the order they happened. */
export async function lock(tx: Tx<Tables>, id: string): Promise<Peer> {
  const row = await tx.selectFrom('peer').select(PEER).where('id', '=', id).forUpdate().executeTakeFirst()
  if (!row) throw notFound(id)
  return fromRow<Peer>(row)
}

export async function find(tx: Tx<Tables>, id: string): Promise<Peer | undefined> {
  const row = await tx.selectFrom('peer').select(PEER).where('id', '=', id).executeTakeFirst()
  return row && fromRow<Peer>(row)
}

/**
 * By id, else by platform id, else by name; a revoked peering is found by its id, or when it is the only one.
 *
 * In this order, because a name may have been chosen by the peer itself: one that calls itself by another's id MUST NOT
 * be met under it.
 */
export async function resolve(tx: Tx<Tables>, said: string): Promise<Peer> {
  const byId = UUID.test(said) ? await find(tx, said) : undefined
  const peer = byId ?? (await resolveBy(tx, 'platform_id', said)) ?? (await resolveBy(tx, 'name', said))
  if (!peer) throw notFound(said)
  return peer
}

async function resolveBy(tx: Tx<Tables>, column: 'platform_id' | 'name', said: string): Promise<Peer | undefined> {
  const rows = await tx
    .selectFrom('peer')
    .select(PEER)
    .where(column, '=', said)
    .orderBy('created_at', 'desc')
    .limit(20)
    .execute()
  const peers = rows.map((row) => fromRow<Peer>(row))
  const current = peers.filter(({ state }) => state !== 'revoked')
  const matches = current.length > 0 ? current : peers.slice(0, 1)
  if (matches.length > 1)
    throw new Refusal('PEER_AMBIGUOUS', `${matches.length} peers are called ${said}: name one by its id`, {
      metadata: { ids: matches.map(({ id }) => id).join(',') },
    })
  return matches[0]
}

/** Whether a peering that is not over is called so. */
export async function isNameTaken(tx: Tx<Tables>, name: string): Promise<boolean> {
  if (name === '') return false
  const row = await tx
    .selectFrom('peer')
    .select('id')
    .where('name', '=', name)
    .where('state', '<>', 'revoked')
    .executeTakeFirst()
  return row !== undefined
}

/** The live peering that a trust domain belongs to. */
export async function findByTrustDomain(tx: Tx<Tables>, trustDomain: string): Promise<Peer | undefined> {
  const row = await tx
    .selectFrom('peer')
    .select(PEER)
    .where('trust_domain', '=', trustDomain)
    .where('state', 'in', LIVE)
    .executeTakeFirst()
  return row && fromRow<Peer>(row)
}

/** The live peering with a platform, locked. */
export async function lockByPlatform(tx: Tx<Tables>, platformId: string): Promise<Peer | undefined> {
  const row = await tx
    .selectFrom('peer')
    .select(PEER)
    .where('platform_id', '=', platformId)
    .where('state', 'in', LIVE)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow<Peer>(row)
}

/** As lockByPlatform, for those who only look. */
export async function findByPlatform(tx: Tx<Tables>, platformId: string): Promise<Peer | undefined> {
  const row = await tx
    .selectFrom('peer')
    .select(PEER)
    .where('platform_id', '=', platformId)
    .where('state', 'in', LIVE)
    .executeTakeFirst()
  return row && fromRow<Peer>(row)
}

/** A proposal of ours to redeem their invitation that has not come through. */
export async function lockPendingRedemption(tx: Tx<Tables>, platformId: string): Promise<Peer | undefined> {
  const row = await tx
    .selectFrom('peer')
    .select(PEER)
    .where('platform_id', '=', platformId)
    .where('state', '=', 'proposed')
    .where('we_redeem', '=', true)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow<Peer>(row)
}

export type Filter = {
  readonly states: readonly PeerState[]
  readonly kind: PeerKind | undefined
  readonly spawnMode: SpawnMode | undefined
  readonly afterId: string | undefined
  readonly limit: number
}

/** A page of peers by id (UUIDv7: oldest first). */
export async function list(tx: Tx<Tables>, { states, kind, spawnMode, afterId, limit }: Filter): Promise<Peer[]> {
  const rows = await tx
    .selectFrom('peer')
    .select(PEER)
    .$if(states.length > 0, (on) => on.where('state', 'in', states))
    .$if(kind !== undefined, (on) => on.where('kind', '=', kind ?? 'platform'))
    .$if(spawnMode !== undefined, (on) => on.where('spawn_mode', '=', spawnMode ?? 'out_of_band'))
    .$if(afterId !== undefined, (on) => on.where('id', '>', afterId ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => fromRow<Peer>(row))
}

/**
 * Whether a peer can be called now, held so until the transaction ends. Not one that somebody is moving at this moment:
 * what was owed to a peer that is being revoked would outlive it.
 */
export async function holdCallable(tx: Tx<Tables>, id: string): Promise<boolean> {
  const row = await tx
    .selectFrom('peer')
    .select('id')
    .where('id', '=', id)
    .where('state', 'in', ['enrolled', 'active', 'degraded'])
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
  return row !== undefined
}

/** Live peers whose platform signs a certificate for us. */
export async function listCertified(tx: Tx<Tables>): Promise<Peer[]> {
  const rows = await tx
    .selectFrom('peer')
    .select(PEER)
    .where('certificate_expires_at', 'is not', null)
    .where('state', 'in', ['enrolled', 'active', 'degraded'])
    .orderBy('id')
    .execute()
  return rows.map((row) => fromRow<Peer>(row))
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const notFound = (said: string): Refusal =>
  new Refusal('PEER_NOT_FOUND', `there is no peer ${said}`, { metadata: { peer: said }, next: 'fedctl peer list' })

/** The unique indexes are the rule; this says which one was met, in words. */
async function refusingTaken<Result>(peer: Peer, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    if (isUniqueViolation(error, 'peer_platform_once'))
      throw new Refusal('PLATFORM_ALREADY_PEERED', `there is a live peering with platform ${peer.platformId} already`, {
        next: `fedctl peer show ${peer.platformId}`,
      })
    if (isUniqueViolation(error, 'peer_trust_domain_once'))
      throw new Refusal('TRUST_DOMAIN_TAKEN', `the trust domain ${peer.trustDomain} belongs to another peer`)
    if (isUniqueViolation(error, 'peer_name_once'))
      throw new Refusal('PEER_NAME_TAKEN', `another peer is called ${peer.name}`, { next: 'choose another --name' })
    throw error
  }
}
