import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Since when each peer that was never heard both ways is expected to beat. */
export async function all(tx: Tx<Tables>): Promise<ReadonlyMap<string, Date>> {
  const { rows } = await sql<{ peer_id: string; since: Date }>`select peer_id, since from expectation`.execute(tx)
  return new Map(rows.map(({ peer_id, since }) => [peer_id, since]))
}

export async function put(tx: Tx<Tables>, since: ReadonlyMap<string, Date>): Promise<void> {
  if (since.size === 0) return
  const [ids, moments] = [[...since.keys()], [...since.values()]]
  await sql`
    insert into expectation (peer_id, since) select * from unnest(${ids}::uuid[], ${moments}::timestamptz[])
    on conflict (peer_id) do update set since = excluded.since`.execute(tx)
}

export async function remove(tx: Tx<Tables>, peerIds: readonly string[]): Promise<void> {
  if (peerIds.length > 0) await sql`delete from expectation where peer_id = any(${peerIds}::uuid[])`.execute(tx)
}
