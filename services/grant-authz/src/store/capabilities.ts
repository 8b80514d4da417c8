import type { Capability } from '../capability.ts'
import type { GrantTx } from './tables.ts'

const CAPABILITY = [
  'peer_id as peerId', 'resource_kind as resourceKind', 'direction', 'policy', 'conflict_resolution as conflictResolution',
  'filter', 'set_by as setBy', 'set_at as setAt',
] as const // prettier-ignore

function toRow(capability: Capability) {
  return {
    peer_id: capability.peerId,
    resource_kind: capability.resourceKind,
    direction: capability.direction,
    policy: capability.policy,
    conflict_resolution: capability.conflictResolution,
    filter: JSON.stringify(capability.filter),
    set_by: capability.setBy,
    set_at: capability.setAt,
    removed_at: null,
  }
}

/** Sets a capability, whatever was there. */
export async function put(tx: GrantTx, capability: Capability): Promise<void> {
  const row = toRow(capability)
  await tx
    .insertInto('capability')
    .values(row)
    .onConflict((on) => on.columns(['peer_id', 'resource_kind', 'direction']).doUpdateSet(row))
    .execute()
}

/** Sets those that were never set, and answers with them: what somebody set or removed stays as it is. */
export async function addMissing(tx: GrantTx, capabilities: readonly Capability[]): Promise<Capability[]> {
  if (capabilities.length === 0) return []
  return tx
    .insertInto('capability')
    .values(capabilities.map(toRow))
    .onConflict((on) => on.columns(['peer_id', 'resource_kind', 'direction']).doNothing())
    .returning(CAPABILITY)
    .execute()
}

type Key = Pick<Capability, 'peerId' | 'resourceKind' | 'direction'>

/** Removes one, remembering that an operator did. Undefined: it was not there. */
export async function remove(tx: GrantTx, key: Key, said: { by: string; at: Date }): Promise<Capability | undefined> {
  return tx
    .updateTable('capability')
    .set({ removed_at: said.at, set_at: said.at, set_by: said.by })
    .where('peer_id', '=', key.peerId)
    .where('resource_kind', '=', key.resourceKind)
    .where('direction', '=', key.direction)
    .where('removed_at', 'is', null)
    .returning(CAPABILITY)
    .executeTakeFirst()
}

/** Takes away what was set by itself, and forgets what was removed of it. Answers with what had been in force. */
export async function dropSetBy(tx: GrantTx, peerId: string, setBy: string): Promise<Capability[]> {
  const dropped = await tx
    .deleteFrom('capability')
    .where('peer_id', '=', peerId)
    .where(({ or, eb }) => or([eb('set_by', '=', setBy), eb('removed_at', 'is not', null)]))
    .returning([...CAPABILITY, 'removed_at as removedAt'])
    .execute()
  return dropped.filter(({ removedAt }) => removedAt === null)
}

/** All that is set, of one peer, or of all when `peerId` is empty. */
export async function list(tx: GrantTx, peerId: string, limit: number): Promise<Capability[]> {
  return tx
    .selectFrom('capability')
    .select(CAPABILITY)
    .where('removed_at', 'is', null)
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .orderBy('peer_id')
    .orderBy('resource_kind')
    .orderBy('direction')
    .limit(limit)
    .execute()
}
