import { isUniqueViolation } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Bridge } from '../bridge.ts'
import type { GrantTx } from './tables.ts'

const BRIDGE = [
  'id', 'peer_id as peerId', 'sdwan_network_id as sdwanNetworkId', 'state', 'proposed_at as proposedAt',
  'activated_at as activatedAt', 'suspended_at as suspendedAt', 'revoked_at as revokedAt',
  'revocation_reason as revocationReason', 'metadata', 'revision',
] as const // prettier-ignore

/** Adds a bridge; one that stands between the same two already is in its way. */
export async function add(tx: GrantTx, bridge: Bridge): Promise<void> {
  const { id, peerId, sdwanNetworkId, state, proposedAt, metadata } = bridge
  const row = { id, peer_id: peerId, sdwan_network_id: sdwanNetworkId, state, proposed_at: proposedAt }
  try {
    await tx
      .insertInto('network_bridge')
      .values({ ...row, metadata: JSON.stringify(metadata), revocation_reason: '' })
      .execute()
  } catch (error) {
    if (!isUniqueViolation(error, 'network_bridge_one_live')) throw error
    throw new Refusal('BRIDGE_EXISTS', `the peer has a bridge to network ${sdwanNetworkId} already`, {
      metadata: { peer_id: peerId, sdwan_network_id: sdwanNetworkId },
      next: `fedctl bridge list --peer ${peerId}`,
    })
  }
}

/** The bridge, locked until the transaction ends. */
export async function lock(tx: GrantTx, id: string): Promise<Bridge> {
  const bridge = await tx
    .selectFrom('network_bridge')
    .select(BRIDGE)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (bridge) return bridge
  throw new Refusal('BRIDGE_NOT_FOUND', `there is no bridge ${id}`, {
    metadata: { bridge_id: id },
    next: 'fedctl bridge list',
  })
}

/** The bridges of a peer that are not revoked, locked, by id. */
export async function lockUnrevokedOf(tx: GrantTx, peerId: string): Promise<Bridge[]> {
  return tx
    .selectFrom('network_bridge')
    .select(BRIDGE)
    .where('peer_id', '=', peerId)
    .where('state', '<>', 'revoked')
    .orderBy('id')
    .forUpdate()
    .execute()
}

/** Writes `after`, provided the row still stands where `before` left it. Answers with the row: its revision has grown. */
export async function save(tx: GrantTx, before: Bridge, after: Bridge): Promise<Bridge> {
  const saved = await tx
    .updateTable('network_bridge')
    .set({
      state: after.state,
      activated_at: after.activatedAt,
      suspended_at: after.suspendedAt,
      revoked_at: after.revokedAt,
      revocation_reason: after.revocationReason,
    })
    .where('id', '=', before.id)
    .where('revision', '=', before.revision)
    .returning(BRIDGE)
    .executeTakeFirst()
  if (!saved) throw new Error(`bridge ${before.id} moved while we held it`)
  return saved
}

/** A page of bridges, by id; of all peers when `peerId` is empty. */
export async function page(
  tx: GrantTx,
  { peerId, last, limit }: { peerId: string; last: string | undefined; limit: number },
): Promise<Bridge[]> {
  return tx
    .selectFrom('network_bridge')
    .select(BRIDGE)
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .$if(last !== undefined, (query) => query.where('id', '>', last ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Which of these networks the peer has an active bridge to. */
export async function activeAmong(
  tx: GrantTx,
  peerId: string,
  networks: readonly string[],
): Promise<ReadonlySet<string>> {
  if (networks.length === 0) return new Set()
  const rows = await tx
    .selectFrom('network_bridge')
    .select('sdwan_network_id')
    .where('peer_id', '=', peerId)
    .where('state', '=', 'active')
    .where('sdwan_network_id', 'in', networks)
    .execute()
  return new Set(rows.map(({ sdwan_network_id }) => sdwan_network_id))
}
