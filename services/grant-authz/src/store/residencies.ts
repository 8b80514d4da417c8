import type { Residency } from '../residency.ts'
import type { GrantTx } from './tables.ts'

const COLUMNS = ['peer_id', 'tag', 'mode', 'reason', 'set_by', 'set_at', 'declared', 'announced'] as const

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
  return (await list(tx, peerId))[0]
}

/** Writes what was decided about a peer whose row is locked. */
export async function save(tx: GrantTx, after: Residency): Promise<void> {
  await tx
    .updateTable('peer_residency')
    .set({
      tag: after.tag ?? null,
      mode: after.mode,
      reason: after.reason,
      set_by: after.setBy,
      set_at: after.setAt ?? null,
      declared: after.declared,
      announced: after.announced,
    })
    .where('peer_id', '=', after.peerId)
    .execute()
}

/** Every peer of which something is known, or one of them. */
export async function list(tx: GrantTx, peerId: string | undefined): Promise<Residency[]> {
  const rows = await tx
    .selectFrom('peer_residency')
    .select(COLUMNS)
    .$if(peerId !== undefined, (query) => query.where('peer_id', '=', peerId ?? ''))
    .orderBy('peer_id')
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
    declared: row.declared,
    announced: row.announced,
  }
}
