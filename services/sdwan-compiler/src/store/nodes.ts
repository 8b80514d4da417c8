import { sql } from 'kysely'
import type { Told } from '../node-news.ts'
import type { SdwanTx } from './tables.ts'

/** What the agent of a node last said of it. */
export type NodeRow = {
  readonly nodeId: string
  readonly report: Buffer
  readonly reportedAt: Date | null
  readonly appliedVersion: string
  readonly rolledBackVersion: string
  readonly drifted: boolean
  readonly confirmedVersion: string
  readonly told: Told
}

const NODE = sql`node_id as "nodeId", report, reported_at as "reportedAt", applied_version as "appliedVersion",
  rolled_back_version as "rolledBackVersion", drifted, confirmed_version as "confirmedVersion",
  told_applied_version as "toldApplied", told_rolled_back_version as "toldRolledBack", told_drifted as "toldDrifted",
  told_count as "toldCount", nullif(told_since, '-infinity') as "toldSince"`

type Flat = Omit<NodeRow, 'told'> & {
  readonly toldApplied: string
  readonly toldRolledBack: string
  readonly toldDrifted: boolean
  readonly toldCount: number
  readonly toldSince: Date | null
}

const rowOf = ({ toldApplied, toldRolledBack, toldDrifted, toldCount, toldSince, ...row }: Flat): NodeRow => ({
  ...row,
  told: { appliedVersion: toldApplied, rolledBackVersion: toldRolledBack, drifted: toldDrifted, count: toldCount, since: toldSince }, // prettier-ignore
})

export async function list(tx: SdwanTx): Promise<readonly NodeRow[]> {
  return (await sql<Flat>`select ${NODE} from node_report order by node_id`.execute(tx)).rows.map(rowOf)
}

/** Takes the row of a node, which is made when it is first heard of. */
export async function hold(tx: SdwanTx, nodeId: string): Promise<NodeRow> {
  await sql`insert into node_report (node_id) values (${nodeId}) on conflict do nothing`.execute(tx)
  const { rows } = await sql<Flat>`select ${NODE} from node_report where node_id = ${nodeId} for update`.execute(tx)
  const [row] = rows
  if (!row) throw new Error(`node ${nodeId} is gone while we held it`)
  return rowOf(row)
}

export type Reported = Pick<NodeRow, 'nodeId' | 'appliedVersion' | 'rolledBackVersion' | 'drifted' | 'told'> & { readonly report: Uint8Array; readonly at: Date } // prettier-ignore

export async function report(tx: SdwanTx, said: Reported): Promise<void> {
  await sql`update node_report set report = ${Buffer.from(said.report)}, reported_at = ${said.at},
    applied_version = ${said.appliedVersion}, rolled_back_version = ${said.rolledBackVersion}, drifted = ${said.drifted},
    told_applied_version = ${said.told.appliedVersion}, told_rolled_back_version = ${said.told.rolledBackVersion},
    told_drifted = ${said.told.drifted}, told_count = ${said.told.count},
    told_since = coalesce(${said.told.since}::timestamptz, '-infinity')
    where node_id = ${said.nodeId}`.execute(tx)
}

export async function confirm(tx: SdwanTx, nodeId: string, version: string, at: Date): Promise<void> {
  await sql`insert into node_report (node_id, confirmed_version, confirmed_at) values (${nodeId}, ${version}, ${at})
    on conflict (node_id) do update set confirmed_version = excluded.confirmed_version, confirmed_at = excluded.confirmed_at`.execute(
    tx,
  )
}

export type Seen = { readonly memberId: string; readonly at: Date }

/** When members were last heard; what is older than what is known is no news. */
export async function see(tx: SdwanTx, seen: readonly Seen[]): Promise<void> {
  if (seen.length === 0) return
  const ids = seen.map(({ memberId }) => memberId)
  const moments = seen.map(({ at }) => at)
  await sql`insert into member_seen (member_id, last_handshake_at)
    select said.id, said.at from unnest(${ids}::uuid[], ${moments}::timestamptz[]) as said (id, at)
    join member on member.id = said.id
    order by said.id
    on conflict (member_id) do update set last_handshake_at = excluded.last_handshake_at
    where member_seen.last_handshake_at < excluded.last_handshake_at`.execute(tx)
}

export async function lastSeen(tx: SdwanTx): Promise<ReadonlyMap<string, Date>> {
  const { rows } = await sql<{ id: string; at: Date }>`
    select member_id as id, last_handshake_at as at from member_seen`.execute(tx)
  return new Map(rows.map(({ id, at }) => [id, at]))
}
