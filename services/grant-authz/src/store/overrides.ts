import { sql } from 'kysely'
import type { Override } from '../override.ts'
import type { GrantTx } from './tables.ts'

const COLUMNS = [
  'id',
  'peer_id',
  'resource_kind',
  'resource_id',
  'reason',
  'created_by',
  'created_at',
  'expires_at',
  'decision_id',
  'used_at',
  'revoked_at',
] as const

export async function add(tx: GrantTx, override: Override): Promise<void> {
  await tx
    .insertInto('residency_override')
    .values({
      id: override.id,
      peer_id: override.peerId,
      resource_kind: override.resourceKind,
      resource_id: override.resourceId,
      reason: override.reason,
      created_by: override.createdBy,
      created_at: override.createdAt,
      expires_at: override.expiresAt,
      decision_id: null,
      used_at: null,
      revoked_at: null,
      withdrawn_at: null,
    })
    .execute()
}

/**
 * Uses an override up for a decision. Of many that try, also through several replicas, one succeeds: the row's own lock
 * orders them, and who comes later finds it used. Undefined: there is none that is open.
 */
export async function use(
  tx: GrantTx,
  now: Date,
  said: { id: string; decisionId: string },
): Promise<Override | undefined> {
  const row = await tx
    .updateTable('residency_override')
    .set({ decision_id: said.decisionId, used_at: now, withdrawn_at: sql`coalesce(withdrawn_at, ${now})` })
    .where('id', '=', said.id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(COLUMNS)
    .executeTakeFirst()
  return row && toOverride(row)
}

/** Ends an override that is open. Undefined: it is not. */
export async function revoke(tx: GrantTx, now: Date, id: string): Promise<Override | undefined> {
  const row = await tx
    .updateTable('residency_override')
    .set({ revoked_at: now, withdrawn_at: sql`coalesce(withdrawn_at, ${now})` })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(COLUMNS)
    .executeTakeFirst()
  return row && toOverride(row)
}

export async function find(tx: GrantTx, id: string): Promise<Override | undefined> {
  const row = await tx.selectFrom('residency_override').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row && toOverride(row)
}

/** Overrides before one, the newest first; of one peer, or of all. */
export async function before(
  tx: GrantTx,
  { peerId, last, limit }: { peerId: string | undefined; last: string | undefined; limit: number },
): Promise<Override[]> {
  const rows = await tx
    .selectFrom('residency_override')
    .select(COLUMNS)
    .$if(peerId !== undefined, (query) => query.where('peer_id', '=', peerId ?? ''))
    .$if(last !== undefined, (query) => query.where('id', '<', last ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toOverride)
}

/** Has gateways forget up to `limit` overrides that nobody used in time. Returns how many. */
export async function withdrawExpired(tx: GrantTx, now: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    update residency_override set withdrawn_at = ${now}
    where id in (select id from residency_override where withdrawn_at is null and expires_at <= ${now}
      order by expires_at limit ${limit} for update skip locked)`.execute(tx)
  return Number(numAffectedRows)
}

type Selected = {
  readonly [K in (typeof COLUMNS)[number]]: K extends 'created_at' | 'expires_at'
    ? Date
    : K extends 'used_at' | 'revoked_at'
      ? Date | null
      : K extends 'decision_id'
        ? string | null
        : string
}

function toOverride(row: Selected): Override {
  return {
    id: row.id,
    peerId: row.peer_id,
    resourceKind: row.resource_kind,
    resourceId: row.resource_id,
    reason: row.reason,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    decisionId: row.decision_id ?? undefined,
    usedAt: row.used_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
}
