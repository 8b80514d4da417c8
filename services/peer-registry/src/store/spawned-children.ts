import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { SpawnedChild } from '../spawned-child.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const CHILD = ['peer_id', 'spawn_id', 'instance_id', 'created_at'] as const

export async function insert(tx: Tx<Tables>, child: SpawnedChild): Promise<void> {
  await tx.insertInto('spawned_child').values(toRow(child)).execute()
}

/** The child a spawn is for, if it is prepared. Of many that prepare it at once, the others wait here for the first. */
export async function holdBySpawn(tx: Tx<Tables>, spawnId: string): Promise<SpawnedChild | undefined> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`spawn ${spawnId}`}, 0))`.execute(tx)
  const row = await tx.selectFrom('spawned_child').select(CHILD).where('spawn_id', '=', spawnId).executeTakeFirst()
  return row && fromRow<SpawnedChild>(row)
}

/** The peers that a machine of ours was made for, the latest first: one that was made anew is another peer. */
export async function peersOfInstance(tx: Tx<Tables>, instanceId: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('spawned_child')
    .select('peer_id')
    .where('instance_id', '=', instanceId)
    .orderBy('created_at', 'desc')
    .orderBy('peer_id', 'desc')
    .execute()
  return rows.map(({ peer_id }) => peer_id)
}

/** The child that a peer is; undefined for a peer that we did not make. */
export async function find(tx: Tx<Tables>, peerId: string): Promise<SpawnedChild | undefined> {
  const row = await tx.selectFrom('spawned_child').select(CHILD).where('peer_id', '=', peerId).executeTakeFirst()
  return row && fromRow<SpawnedChild>(row)
}
