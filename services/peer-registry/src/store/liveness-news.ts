import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** When the newest news of liveness about this peer was told; undefined: none was heeded. The caller MUST hold the peer's lock. */
export async function toldAt(tx: Tx<Tables>, peerId: string): Promise<Date | undefined> {
  const { rows } = await sql<{ told_at: Date }>`select told_at from liveness_news where peer_id = ${peerId}`.execute(tx)
  return rows[0]?.told_at
}

export async function keep(tx: Tx<Tables>, peerId: string, toldAt: Date): Promise<void> {
  await sql`
    insert into liveness_news (peer_id, told_at) values (${peerId}, ${toldAt})
    on conflict (peer_id) do update set told_at = excluded.told_at`.execute(tx)
}
