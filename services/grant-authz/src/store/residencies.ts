import type { Residency } from '../residency.ts'
import type { GrantTx } from './tables.ts'

const COLUMNS = ['peer_id', 'tag', 'mode', 'reason', 'set_by', 'set_at', 'located', 'declared', 'announced'] as const

/** Locks what is known of a peer's residency, also when that is nothing yet, until the transaction ends. */
export async function lock(tx: GrantTx, peerId: string): Promise<Residency> {
  await tx
    .insertInto('peer_residency')
    .values({ peer_id: peerId, tag: null, set_at: null })
    .onConflict((on) => on.column('peer_id').doNothing())
    .execute()
  const row = await tx
    .selectFrom('peer_residency')
    .select(COLUMNS)
    .where('peer_id', '=', peerId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return toResidency(row)
}

/** What is known of a peer's residency; undefined: nothing. */
export async function find(tx: GrantTx, peerId: string): Promise<Residency | undefined> {
  return (await after(tx, { peerId, last: undefined, limit: 1 }))[0]
}

/** Writes what was decided about a peer whose row is locked. */
export async function save(tx: GrantTx, residency: Residency): Promise<void> {
  await tx
    .updateTable('peer_residency')
    .set({
      tag: residency.tag ?? null,
      mode: residency.mode,
      reason: residency.reason,
      set_by: residency.setBy,
      set_at: residency.setAt ?? null,
      located: residency.located,
      declared: residency.declared,
      announced: residency.announced,
    })
    .where('peer_id', '=', residency.peerId)
    .execute()
}

/** Peers of which something is known, after one, by id; or one peer. */
export async function after(
  tx: GrantTx,
  { peerId, last, limit }: { peerId: string | undefined; last: string | undefined; limit: number },
): Promise<Residency[]> {
  const rows = await tx
    .selectFrom('peer_residency')
    .select(COLUMNS)
    .$if(peerId !== undefined, (query) => query.where('peer_id', '=', peerId ?? ''))
    .$if(last !== undefined, (query) => query.where('peer_id', '>', last ?? ''))
    .orderBy('peer_id')
    .limit(limit)
    .execute()
  return rows.map(toResidency)
}

type Selected = {
  readonly peer_id: string
  readonly tag: string | null
  readonly mode: Residency['mode']
  readonly reason: string
  readonly set_by: string
  readonly set_at: Date | null
  readonly located: string
  readonly declared: string
  readonly announced: readonly string[]
}

function toResidency(row: Selected): Residency {
  return {
    peerId: row.peer_id,
    tag: row.tag ?? undefined,
    mode: row.mode,
    reason: row.reason,
    setBy: row.set_by,
    setAt: row.set_at ?? undefined,
    located: row.located,
    declared: row.declared,
    announced: row.announced,
  }
}
