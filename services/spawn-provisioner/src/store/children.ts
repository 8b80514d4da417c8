import { Refusal } from '@powernode/rpc'
import { sql } from 'kysely'
import type { Child, ChildState, SpawnMode } from '../child.ts'
import { fromRow, toRow } from './rows.ts'
import type { SpawnTx } from './tables.ts'

const CHILD = [
  'id', 'request_id', 'request_sha256', 'hostname', 'spawn_mode', 'state', 'reason', 'since', 'ending', 'peer_id',
  'instance_id', 'platform_id', 'template_id', 'provider_id', 'region_id', 'instance_type_id', 'parent_url',
  'proposed_routes', 'proposed_capabilities', 'token_ttl_ms', 'invitation_expires_at', 'boot_deadline', 'stamp_due_at',
  'created_by', 'request_trace', 'created_at', 'updated_at', 'revision',
] as const // prettier-ignore

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** One spawn at a time is begun: quotas are counted with nobody else counting. Until the transaction ends. */
export async function takeTurn(tx: SpawnTx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || '.begin', 0))`.execute(tx)
}

export async function insert(tx: SpawnTx, child: Child): Promise<void> {
  await tx.insertInto('child').values(toRow(child)).execute()
}

/** Saves what became of a child. MUST be the one that was read while it was locked: of two writers one finds nothing. */
export async function save(tx: SpawnTx, child: Child): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('child')
    .set(toRow(child))
    .where('id', '=', child.id)
    .where('revision', '=', child.revision - 1)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new Error(`child ${child.id} was changed by somebody else while it was held`)
}

export async function find(tx: SpawnTx, id: string): Promise<Child | undefined> {
  const row = await tx.selectFrom('child').select(CHILD).where('id', '=', id).executeTakeFirst()
  return row && fromRow<Child>(row)
}

/** The child, which nobody else changes until the transaction ends. */
export async function lock(tx: SpawnTx, id: string): Promise<Child> {
  const row = await tx.selectFrom('child').select(CHILD).where('id', '=', id).forUpdate().executeTakeFirst()
  if (!row) throw notFound(id)
  return fromRow<Child>(row)
}

export async function findByRequest(tx: SpawnTx, requestId: string): Promise<Child | undefined> {
  const row = await tx.selectFrom('child').select(CHILD).where('request_id', '=', requestId).executeTakeFirst()
  return row && fromRow<Child>(row)
}

export async function findByPeer(tx: SpawnTx, peerId: string): Promise<Child | undefined> {
  const row = await tx.selectFrom('child').select(CHILD).where('peer_id', '=', peerId).executeTakeFirst()
  return row && fromRow<Child>(row)
}

export async function findLivingByHostname(tx: SpawnTx, hostname: string): Promise<Child | undefined> {
  const row = await tx
    .selectFrom('child')
    .select(CHILD)
    .where('hostname', '=', hostname)
    .where('state', '<>', 'gone')
    .executeTakeFirst()
  return row && fromRow<Child>(row)
}

/** By id, id of its peer, or hostname: then the living one, else the last that was. */
export async function resolve(tx: SpawnTx, named: string): Promise<Child> {
  const isId = UUID.test(named)
  const row = await tx
    .selectFrom('child')
    .select(CHILD)
    .where((where) =>
      isId ? where.or([where('id', '=', named), where('peer_id', '=', named)]) : where('hostname', '=', named),
    )
    .orderBy(sql`state <> 'gone'`, 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!row) throw notFound(named)
  return fromRow<Child>(row)
}

export type Page = {
  readonly spawnMode: SpawnMode | undefined
  readonly states: readonly ChildState[]
  readonly afterId: string | undefined
  readonly limit: number
}

/** In the order in which they were begun, the newest first. */
export async function list(tx: SpawnTx, { spawnMode, states, afterId, limit }: Page): Promise<Child[]> {
  let query = tx.selectFrom('child').select(CHILD).orderBy('id', 'desc').limit(limit)
  if (spawnMode) query = query.where('spawn_mode', '=', spawnMode)
  if (states.length > 0) query = query.where('state', 'in', states)
  if (afterId !== undefined) query = query.where('id', '<', afterId)
  return (await query.execute()).map((row) => fromRow<Child>(row))
}

/** Those that somebody has to attend to. */
export async function unsettled(tx: SpawnTx): Promise<string[]> {
  const rows = await tx
    .selectFrom('child')
    .select('id')
    .where('state', 'not in', ['active', 'gone'])
    .orderBy('id')
    .execute()
  return rows.map(({ id }) => id)
}

export async function living(tx: SpawnTx): Promise<Child[]> {
  const rows = await tx.selectFrom('child').select(CHILD).where('state', '<>', 'gone').orderBy('id').execute()
  return rows.map((row) => fromRow<Child>(row))
}

/** How many live, on the platform and at each provider. */
export async function count(tx: SpawnTx): Promise<{ readonly all: number; readonly at: ReadonlyMap<string, number> }> {
  const rows = await tx
    .selectFrom('child')
    .select(['provider_id', sql<number>`count(*)`.as('count')])
    .where('state', '<>', 'gone')
    .groupBy('provider_id')
    .execute()
  return {
    all: rows.reduce((sum, row) => sum + row.count, 0),
    at: new Map(rows.map((row) => [row.provider_id, row.count])),
  }
}

export async function countByState(tx: SpawnTx): Promise<ReadonlyMap<ChildState, number>> {
  const rows = await tx
    .selectFrom('child')
    .select(['state', sql<number>`count(*)`.as('count')])
    .groupBy('state')
    .execute()
  return new Map(rows.map(({ state, count: many }) => [state, many]))
}

/** A living child for which this record is needed: to name it to whoever wants the record gone. */
export async function needing(
  tx: SpawnTx,
  column: 'template_id' | 'provider_id',
  id: string,
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('child')
    .select('hostname')
    .where(column, '=', id)
    .where('state', '<>', 'gone')
    .limit(1)
    .executeTakeFirst()
  return row?.hostname
}

/** Whoever attends to the child looks at it when the transaction commits. */
export async function ring(tx: SpawnTx, id: string): Promise<void> {
  await sql`select pg_notify('spawn_provisioner_rings', ${id})`.execute(tx)
}

/** As ring, for the child of this peer, if there is one. */
export async function ringOf(tx: SpawnTx, peerId: string): Promise<void> {
  await sql`select pg_notify('spawn_provisioner_rings', id::text) from child where peer_id = ${peerId}`.execute(tx)
}

export const notFound = (named: string): Refusal =>
  new Refusal('CHILD_NOT_FOUND', `no child of ours is ${named}`, { next: 'fedctl child list' })
