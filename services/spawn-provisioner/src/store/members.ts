import type { Member } from '../member.ts'
import { fromRow, toRow } from './rows.ts'
import type { SpawnTx } from './tables.ts'

const MEMBER = [
  'child_id', 'peer_id', 'slot_name', 'role_name', 'state', 'reason', 'since', 'password_sealed', 'role_expires_at',
  'streamed_at', 'alarmed', 'wal_status', 'replay_lag_bytes', 'retained_wal_bytes', 'replay_lag_seconds', 'sent_lsn',
  'replay_lsn', 'observed_at', 'primary_address', 'redis_address', 'redis_status', 'address', 'reported_at', 'claim',
] as const // prettier-ignore

/** The member, which nobody else changes until the transaction ends. */
export async function lock(tx: SpawnTx, childId: string): Promise<Member | undefined> {
  const row = await tx
    .selectFrom('cluster_member')
    .select(MEMBER)
    .where('child_id', '=', childId)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow<Member>(row)
}

/** Whoever makes one first has made it; the other finds it. */
export async function insert(tx: SpawnTx, member: Member): Promise<void> {
  await tx
    .insertInto('cluster_member')
    .values(toRow(member))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** MUST be one that was read while it was locked. */
export async function save(tx: SpawnTx, member: Member): Promise<void> {
  await tx.updateTable('cluster_member').set(toRow(member)).where('child_id', '=', member.childId).execute()
}

export async function remove(tx: SpawnTx, childId: string): Promise<void> {
  await tx.deleteFrom('cluster_member').where('child_id', '=', childId).execute()
}

export async function all(tx: SpawnTx): Promise<Member[]> {
  const rows = await tx.selectFrom('cluster_member').select(MEMBER).orderBy('child_id').execute()
  return rows.map((row) => fromRow<Member>(row))
}

export async function ofChildren(tx: SpawnTx, childIds: readonly string[]): Promise<Member[]> {
  if (childIds.length === 0) return []
  const rows = await tx.selectFrom('cluster_member').select(MEMBER).where('child_id', 'in', childIds).execute()
  return rows.map((row) => fromRow<Member>(row))
}

export async function ofPeer(tx: SpawnTx, peerId: string): Promise<Member | undefined> {
  const row = await tx.selectFrom('cluster_member').select(MEMBER).where('peer_id', '=', peerId).executeTakeFirst()
  return row && fromRow<Member>(row)
}
