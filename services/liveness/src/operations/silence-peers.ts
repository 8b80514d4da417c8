import { appendAll } from '@powernode/events'
import type { Tx } from '@powernode/postgres'
import { peerSilent } from '../events.ts'
import * as freshness from '../store/freshness.ts'
import type { Tables } from '../store/tables.ts'

/**
 * Peers that were heard both ways and are not any more fall silent; at most `limit` of them. Returns how many.
 *
 * The change and the news share the transaction. One-way silence counts: the payload says which direction is stale.
 * Heard by peer-registry (degrades the peer) and audit-ledger.
 */
export async function silencePeers(tx: Tx<Tables>, now: Date, { limit }: { limit: number }): Promise<number> {
  const silent = await freshness.silence(tx, now, limit)
  await appendAll(
    tx,
    silent.map((peer) => peerSilent(peer, now)),
  )
  return silent.length
}
