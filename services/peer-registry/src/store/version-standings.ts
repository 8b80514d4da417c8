import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Peer } from '../peer.ts'
import { PEER } from './peers.ts'
import { fromRow } from './rows.ts'
import type { Tables } from './tables.ts'

/** Of a peer only what its version decides: so little that all peers are read at once. */
export type VersionStanding = Pick<Peer, 'id' | 'name' | 'kind' | 'enrolledAt' | 'versionStatus' | 'refusedKinds'> & {
  readonly platformVersion: string
}

/** The platforms that have said what they are of, in the order of their ids: all, or a page after `afterId`. */
export async function list(
  tx: Tx<Tables>,
  { ids, afterId, limit }: { readonly ids?: readonly string[]; readonly afterId?: string | undefined; readonly limit?: number } = {}, // prettier-ignore
): Promise<VersionStanding[]> {
  const rows = await tx
    .selectFrom('peer')
    .select(['id', 'name', 'kind', 'enrolled_at', 'version_status', 'refused_kinds'])
    .select(sql<string>`coalesce(disclosure->>'platformVersion', '')`.as('platform_version'))
    .where('kind', '=', 'platform')
    .where('state', 'in', ['accepted', 'enrolled', 'active', 'degraded', 'suspended'])
    .$if(ids !== undefined, (on) => on.where('id', 'in', ids ?? []))
    .$if(afterId !== undefined, (on) => on.where('id', '>', afterId ?? ''))
    .orderBy('id')
    .$if(limit !== undefined, (on) => on.limit(limit ?? 0))
    .execute()
  return rows.map((row) => fromRow<VersionStanding>(row))
}

/** These peers, locked in the order of their ids. */
export async function lock(tx: Tx<Tables>, ids: readonly string[]): Promise<Peer[]> {
  const rows = await tx.selectFrom('peer').select(PEER).where('id', 'in', ids).orderBy('id').forUpdate().execute()
  return rows.map((row) => fromRow<Peer>(row))
}

/** Writes how these peers stand now, in one statement; their revisions grow by one. The caller MUST hold their locks. */
export async function save(tx: Tx<Tables>, peers: readonly Peer[]): Promise<Peer[]> {
  const column = <Key extends keyof Peer>(key: Key): Peer[Key][] => peers.map((peer) => peer[key])
  const { numAffectedRows } = await sql`
    update peer set state = v.state, reason = v.reason, since = v.since, updated_at = v.updated_at,
      version_status = v.version_status, refused_kinds = v.refused_kinds, revision = peer.revision + 1
    from unnest(
      ${column('id')}::uuid[], ${column('state')}::text[], ${column('reason')}::text[], ${column('since')}::timestamptz[],
      ${column('updatedAt')}::timestamptz[], ${column('versionStatus')}::text[],
      ${column('refusedKinds').map((kinds) => JSON.stringify(kinds))}::jsonb[]
    ) as v (id, state, reason, since, updated_at, version_status, refused_kinds)
    where peer.id = v.id`.execute(tx)
  if (numAffectedRows !== BigInt(peers.length)) throw new Error('a peer we held the lock of has gone')
  return peers.map((peer) => ({ ...peer, revision: peer.revision + 1 }))
}
