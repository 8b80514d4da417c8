import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Remediation } from '../diary.ts'
import type { Tables } from './tables.ts'

const REMEDIATION = sql.raw(`
  id, peer_id as "peerId", signal_id as "signalId", reason, decided_at as "decidedAt", verb, mode, action,
  why_held as "whyHeld", would_have as "wouldHave", detail, inputs, probes, reachable, approval_id as "approvalId",
  finished_at as "finishedAt", recovered_at as "recoveredAt", actor`)

/** Writes new entries of the diary. */
export async function append(tx: Tx<Tables>, entries: readonly Remediation[]): Promise<void> {
  if (entries.length === 0) return
  await sql`
    insert into remediation (
      id, peer_id, signal_id, reason, decided_at, verb, mode, action, why_held, would_have, detail, inputs, probes, reachable,
      approval_id, finished_at, recovered_at, actor
    )
    select
      id, "peerId", "signalId", reason, "decidedAt", verb, mode, action, "whyHeld", "wouldHave", detail, inputs, probes, reachable,
      "approvalId", "finishedAt", "recoveredAt", actor
    from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as v (
      id uuid, "peerId" uuid, "signalId" uuid, reason text, "decidedAt" timestamptz, verb text, mode text, action text,
      "whyHeld" text, "wouldHave" text, detail text, inputs jsonb, probes jsonb, reachable boolean, "approvalId" uuid,
      "finishedAt" timestamptz, "recoveredAt" timestamptz, actor text
    )`.execute(tx)
}

/** Beats went both ways again: what came of these decisions. */
export async function recovered(tx: Tx<Tables>, ids: readonly string[], now: Date): Promise<void> {
  await sql`
    update remediation set recovered_at = ${now} where id = any(${ids}::uuid[]) and recovered_at is null`.execute(tx)
}

/** Which approval a decision waits for. */
export async function noteApproval(tx: Tx<Tables>, id: string, approvalId: string): Promise<void> {
  await sql`update remediation set approval_id = ${approvalId} where id = ${id} and approval_id is null`.execute(tx)
}

export async function find(tx: Tx<Tables>, ids: readonly string[]): Promise<ReadonlyMap<string, Remediation>> {
  const { rows } = await sql<Row>`select ${REMEDIATION} from remediation where id = any(${ids}::uuid[])`.execute(tx)
  return new Map(rows.map((row) => [row.id, fromRow(row)]))
}

/**
 * How many peers were degraded since then. Each once: one that does not become degraded, because nobody hears the news, is decided
 * again and again, and one that flaps is too; neither spends what the others may need.
 */
export async function countDegraded(tx: Tx<Tables>, since: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct peer_id)::integer as count from remediation where action = 'degraded' and decided_at > ${since}`.execute(
    tx,
  )
  return rows[0]?.count ?? 0
}

/** One page of the diary, newest first, of what was decided before `beforeId`. */
export async function page(
  tx: Tx<Tables>,
  { peerId, beforeId, limit }: { peerId: string; beforeId: string | undefined; limit: number },
): Promise<readonly Remediation[]> {
  const { rows } = await sql<Row>`
    select ${REMEDIATION} from remediation
    where ${peerId === '' ? sql`true` : sql`peer_id = ${peerId}::uuid`}
      and ${beforeId ? sql`id < ${beforeId}::uuid` : sql`true`}
    order by id desc limit ${limit}`.execute(tx)
  return rows.map(fromRow)
}

/** Forgets what was decided before then, at most `limit`. */
export async function forget(tx: Tx<Tables>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from remediation where id in (
      select id from remediation where decided_at < ${before} order by decided_at limit ${limit}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** As it is read: moments inside JSON are texts. */
type Row = Omit<Remediation, 'probes'> & {
  readonly probes: readonly { url: string; reachable: boolean; detail: string; at: string }[]
}

const fromRow = ({ probes, ...row }: Row): Remediation => ({
  ...row,
  probes: probes.map((probe) => ({ ...probe, at: new Date(probe.at) })),
})
