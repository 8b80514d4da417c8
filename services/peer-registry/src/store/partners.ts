import type { Tx } from '@powernode/postgres'
import type { Tables } from './tables.ts'

/** A peering that is not over; `isReachable` when there is a platform at the other end that we could tell something. */
export type Partner = { readonly id: string; readonly isReachable: boolean }

/**
 * All partners, or those named, held until the transaction ends: who is being revoked at this moment is told either as a
 * partner or not at all.
 */
export async function hold(tx: Tx<Tables>, ids: readonly string[] = []): Promise<Partner[]> {
  const rows = await tx
    .selectFrom('peer')
    .select(['id', 'kind', 'remote_peer_id', (is) => is('trust_bundle', 'is not', null).as('trusted')])
    .where('state', 'not in', ['proposed', 'revoked'])
    .$if(ids.length > 0, (on) => on.where('id', 'in', ids))
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return rows.map(({ id, kind, remote_peer_id, trusted }) => ({
    id,
    isReachable: kind === 'platform' && remote_peer_id !== null && Boolean(trusted),
  }))
}
