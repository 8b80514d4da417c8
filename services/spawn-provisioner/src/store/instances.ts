import { Refusal } from '@powernode/rpc'
import { sql } from 'kysely'
import type { Instance } from '../instance.ts'
import { fromRow, toRow } from './rows.ts'
import type { SpawnTx } from './tables.ts'

const INSTANCE = [
  'id', 'child_id', 'hostname', 'provider_id', 'region_id', 'instance_type_id', 'state', 'reason', 'since', 'progress',
  'progress_at', 'provider_ref', 'created_at', 'revision',
] as const // prettier-ignore

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export async function insert(tx: SpawnTx, instance: Instance): Promise<void> {
  await tx.insertInto('instance').values(toRow(instance)).execute()
}

/** Saves what became of an instance; whoever holds the child's row may. */
export async function save(tx: SpawnTx, instance: Instance): Promise<void> {
  await tx
    .updateTable('instance')
    .set(toRow({ ...instance, revision: instance.revision + 1 }))
    .where('id', '=', instance.id)
    .execute()
}

export async function find(tx: SpawnTx, id: string): Promise<Instance | undefined> {
  const row = await tx.selectFrom('instance').select(INSTANCE).where('id', '=', id).executeTakeFirst()
  return row && fromRow<Instance>(row)
}

/** By id or hostname: then the one that is there, else the last that was. */
export async function findNamed(tx: SpawnTx, named: string): Promise<Instance | undefined> {
  const row = await tx
    .selectFrom('instance')
    .select(INSTANCE)
    .where(UUID.test(named) ? 'id' : 'hostname', '=', named)
    .orderBy(sql`state <> 'gone'`, 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && fromRow<Instance>(row)
}

export async function resolve(tx: SpawnTx, named: string): Promise<Instance> {
  const instance = await findNamed(tx, named)
  if (!instance) throw notFound(named)
  return instance
}

export async function list(
  tx: SpawnTx,
  { providerId, afterId, limit }: { providerId: string | undefined; afterId: string | undefined; limit: number },
): Promise<Instance[]> {
  let query = tx.selectFrom('instance').select(INSTANCE).orderBy('id', 'desc').limit(limit)
  if (providerId !== undefined) query = query.where('provider_id', '=', providerId)
  if (afterId !== undefined) query = query.where('id', '<', afterId)
  return (await query.execute()).map((row) => fromRow<Instance>(row))
}

/** What should be there, at this provider. */
export async function standingAt(tx: SpawnTx, providerId: string): Promise<Instance[]> {
  const rows = await tx
    .selectFrom('instance')
    .select(INSTANCE)
    .where('provider_id', '=', providerId)
    .where('state', '<>', 'gone')
    .execute()
  return rows.map((row) => fromRow<Instance>(row))
}

export const notFound = (named: string): Refusal =>
  new Refusal('INSTANCE_NOT_FOUND', `no instance is ${named}`, { next: 'fedctl instance list' })
