import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { sql } from 'kysely'
import type { AcceptanceRun } from '../acceptance-run.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

/** Rung when a run begins or moves (0009_acceptance.sql). */
export const ACCEPTANCES_CHANNEL = 'peer_registry_acceptances'

const RUN = [
  'id', 'state', 'requested_by', 'correlation_id', 'traceparent', 'request', 'token_sealed', 'peer_id',
  'contract_version_agreed', 'steps', 'node_enrollment', 'attach_to', 'sdwan_attach', 'governance', 'failure_reason', 'failure_message',
  'next', 'started_at', 'finished_at', 'due_at',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, run: AcceptanceRun): Promise<void> {
  await tx.insertInto('acceptance_run').values(toRow(run)).execute()
}

/** Writes how far a run has come. MUST be one that is locked. */
export async function save(tx: Tx<Tables>, run: AcceptanceRun): Promise<void> {
  await tx.updateTable('acceptance_run').set(toRow(run)).where('id', '=', run.id).execute()
}

export async function find(tx: Tx<Tables>, id: string): Promise<AcceptanceRun | undefined> {
  const row = await tx.selectFrom('acceptance_run').select(RUN).where('id', '=', id).executeTakeFirst()
  return row && fromRow<AcceptanceRun>(row)
}

/** The run, locked until the transaction ends. */
export async function lock(tx: Tx<Tables>, id: string): Promise<AcceptanceRun> {
  const row = await tx.selectFrom('acceptance_run').select(RUN).where('id', '=', id).forUpdate().executeTakeFirst()
  if (!row) throw notFound(id)
  return fromRow<AcceptanceRun>(row)
}

export const notFound = (id: string): Refusal =>
  new Refusal('ACCEPTANCE_NOT_FOUND', `there is no acceptance ${id}`, { next: 'fedctl acceptance list' })

/** Takes up to `limit` due runs, so that nobody else goes on with them before `until`. */
export async function claimDue(tx: Tx<Tables>, now: Date, until: Date, limit: number): Promise<string[]> {
  const rows = await tx
    .updateTable('acceptance_run')
    .set({ due_at: until })
    .where(
      sql<boolean>`id in (select id from acceptance_run where finished_at is null and due_at <= ${now}
        order by due_at limit ${limit} for update skip locked)`,
    )
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

/** Anybody may go on with a run that `claimDue` took. */
export async function letGo(tx: Tx<Tables>, id: string, now: Date): Promise<void> {
  await tx
    .updateTable('acceptance_run')
    .set({ due_at: now })
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .execute()
}

export async function nextDueAt(tx: Tx<Tables>): Promise<Date | undefined> {
  const row = await tx
    .selectFrom('acceptance_run')
    .select('due_at')
    .where('finished_at', 'is', null)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at
}

/** Newest first. */
export async function list(
  tx: Tx<Tables>,
  { beforeId, limit }: { beforeId: string | undefined; limit: number },
): Promise<AcceptanceRun[]> {
  let query = tx.selectFrom('acceptance_run').select(RUN)
  if (beforeId !== undefined) query = query.where('id', '<', beforeId)
  const rows = await query.orderBy('id', 'desc').limit(limit).execute()
  return rows.map((row) => fromRow<AcceptanceRun>(row))
}
