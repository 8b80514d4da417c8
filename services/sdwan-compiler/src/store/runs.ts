import { sql } from 'kysely'
import type { Run, RunStep, Skill } from '../run.ts'
import type { SdwanTx } from './tables.ts'

/** Rung when a run begins or moves (0006_run.sql). */
export const RUNS_CHANNEL = 'sdwan_compiler_runs'

const RUN = [
  'id', 'request_id as requestId', 'skill', 'request', 'state', 'roll_back_on_failure as rollBackOnFailure',
  'failures', 'requested_by as requestedBy', 'correlation_id as correlationId', 'traceparent',
  'requested_at as requestedAt', 'finished_at as finishedAt', 'due_at as dueAt', 'attempts',
] as const // prettier-ignore
const STEP = [
  'run_id as runId', 'place', 'name', 'action', 'status', 'detail', 'record_kind as recordKind', 'record_id as recordId',
] as const // prettier-ignore

const rowOf = (run: Run) => ({
  id: run.id,
  request_id: run.requestId,
  skill: run.skill,
  request: run.request,
  state: run.state,
  roll_back_on_failure: run.rollBackOnFailure,
  failures: sql<never>`${JSON.stringify(run.failures)}::jsonb`,
  requested_by: run.requestedBy,
  correlation_id: run.correlationId,
  traceparent: run.traceparent,
  requested_at: run.requestedAt,
  finished_at: run.finishedAt,
  due_at: run.dueAt,
  attempts: run.attempts,
})

export async function insert(tx: SdwanTx, run: Run, steps: readonly RunStep[]): Promise<void> {
  await tx.insertInto('run').values(rowOf(run)).execute()
  await tx
    .insertInto('run_step')
    .values(
      steps.map((step) => ({
        run_id: run.id,
        place: step.place,
        name: step.name,
        action: step.action,
        status: step.status,
        detail: step.detail,
        record_kind: step.recordKind,
        record_id: step.recordId,
      })),
    )
    .execute()
}

/** Saves how far a run has come. MUST be the one that was read while it was held. */
export async function save(tx: SdwanTx, run: Run): Promise<void> {
  await tx.updateTable('run').set(rowOf(run)).where('id', '=', run.id).execute()
}

export async function saveStep(tx: SdwanTx, { runId, place, status, detail }: RunStep): Promise<void> {
  await tx
    .updateTable('run_step')
    .set({ status, detail })
    .where('run_id', '=', runId)
    .where('place', '=', place)
    .execute()
}

/** What was left of a run is not done any more. */
export async function skipRest(tx: SdwanTx, runId: string): Promise<void> {
  await tx
    .updateTable('run_step')
    .set({ status: 'skipped' })
    .where('run_id', '=', runId)
    .where('status', '=', 'pending')
    .execute()
}

export async function find(tx: SdwanTx, id: string): Promise<Run | undefined> {
  return tx.selectFrom('run').select(RUN).where('id', '=', id).executeTakeFirst()
}

/** The run, which nobody else drives until the transaction ends; undefined: there is none, or somebody does. */
export async function hold(tx: SdwanTx, id: string): Promise<Run | undefined> {
  return tx.selectFrom('run').select(RUN).where('id', '=', id).forUpdate().skipLocked().executeTakeFirst()
}

/** As hold, waiting for whoever drives it. */
export async function waitFor(tx: SdwanTx, id: string): Promise<Run | undefined> {
  return tx.selectFrom('run').select(RUN).where('id', '=', id).forUpdate().executeTakeFirst()
}

export async function findByRequest(tx: SdwanTx, requestId: string): Promise<Run | undefined> {
  return tx.selectFrom('run').select(RUN).where('request_id', '=', requestId).executeTakeFirst()
}

export async function stepsOf(tx: SdwanTx, runId: string): Promise<readonly RunStep[]> {
  return tx.selectFrom('run_step').select(STEP).where('run_id', '=', runId).orderBy('place').execute()
}

/** The newest first. */
export async function list(
  tx: SdwanTx,
  {
    skill,
    before,
    limit,
  }: { readonly skill: Skill | undefined; readonly before: string | undefined; readonly limit: number },
): Promise<readonly Run[]> {
  return tx
    .selectFrom('run')
    .select(RUN)
    .$if(skill !== undefined, (on) => on.where('skill', '=', skill ?? 'sdwan_federation_compose'))
    .$if(before !== undefined, (on) => on.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Runs that somebody has to go on with: the process that drove them may be gone. */
export async function due(tx: SdwanTx, now: Date, limit: number): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('run')
    .select('id')
    .where('finished_at', 'is', null)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

export async function nextDueAt(tx: SdwanTx): Promise<Date | undefined> {
  const row = await tx.selectFrom('run').select('due_at').where('finished_at', 'is', null).orderBy('due_at').limit(1).executeTakeFirst() // prettier-ignore
  return row?.due_at
}

/** A fault, not a refusal: it is tried again at `at`. */
export async function postpone(tx: SdwanTx, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('run')
    .set({ due_at: at, attempts: sql`attempts + 1` })
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .execute()
}

/** What runs ask of intent that is there already. */
export type Standing = {
  readonly networkCidr: string | undefined
  readonly deploymentId: string | undefined
  readonly vrfNames: readonly string[]
}

export async function standing(tx: SdwanTx, networkId: string): Promise<Standing> {
  const { rows: networks } = await sql<{
    cidr: string
  }>`select cidr::text from network where id = ${networkId}`.execute(tx)
  const { rows: vrfs } = await sql<{ name: string }>`
    select distinct vrf_name as name from vrf_assignment where network_id = ${networkId} and state <> 'removed' order by name`.execute(
    tx,
  )
  const [deploymentId] = await deployments(tx)
  return { networkCidr: networks[0]?.cidr, deploymentId, vrfNames: vrfs.map(({ name }) => name) }
}

/** OVN deployments, the oldest first. */
export async function deployments(tx: SdwanTx): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`select id from ovn_deployment order by created_at, id`.execute(tx)
  return rows.map(({ id }) => id)
}

/** Whether a record that a run made is still there. */
export async function isThere(tx: SdwanTx, kind: string, id: string): Promise<boolean> {
  const table = kind === 'test' ? 'reachability_test' : kind
  const { rows } = await sql`select 1 from ${sql.table(table)} where id = ${id}`.execute(tx)
  return rows.length > 0
}
