import { Refusal } from '@powernode/rpc'
import { sql } from 'kysely'
import type { InstanceType, ProviderRecord, Region } from '../records.ts'
import { fromRow, toRow } from './rows.ts'
import type { SpawnTx } from './tables.ts'

const PROVIDER = ['id', 'name', 'kind', 'config', 'status', 'created_by', 'created_at', 'revision'] as const
const REGION = ['id', 'provider_id', 'name', 'residency'] as const
const TYPE = ['id', 'provider_id', 'name', 'cpus', 'memory_bytes', 'disk_bytes'] as const

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type Offer = {
  readonly provider: ProviderRecord
  readonly regions: readonly Region[]
  readonly types: readonly InstanceType[]
}

/** Adds a provider with what it offers; false when one of this name is there. */
export async function insert(tx: SpawnTx, { provider, regions, types }: Offer): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('provider')
    .values(toRow(provider))
    .onConflict((on) => on.column('name').doNothing())
    .executeTakeFirst()
  if (numInsertedOrUpdatedRows !== 1n) return false
  if (regions.length > 0) await tx.insertInto('region').values(regions.map(toRow)).execute()
  if (types.length > 0) await tx.insertInto('instance_type').values(types.map(toRow)).execute()
  return true
}

export async function find(tx: SpawnTx, named: string): Promise<ProviderRecord | undefined> {
  const row = await tx
    .selectFrom('provider')
    .select(PROVIDER)
    .where(UUID.test(named) ? 'id' : 'name', '=', named)
    .executeTakeFirst()
  return row && fromRow<ProviderRecord>(row)
}

export async function resolve(tx: SpawnTx, named: string): Promise<ProviderRecord> {
  const provider = await find(tx, named)
  if (!provider) throw new Refusal('PROVIDER_NOT_FOUND', `no provider is ${named}`, { next: 'fedctl provider list' })
  return provider
}

/** All of them, with what each offers: the first that was made first, its smallest type first. */
export async function offers(tx: SpawnTx): Promise<Offer[]> {
  const providers = await tx.selectFrom('provider').select(PROVIDER).orderBy('id').execute()
  const regions = await tx.selectFrom('region').select(REGION).orderBy('id').execute()
  const types = await tx
    .selectFrom('instance_type')
    .select(TYPE)
    .orderBy('cpus')
    .orderBy('memory_bytes')
    .orderBy('id')
    .execute()
  return providers.map((row) => ({
    provider: fromRow<ProviderRecord>(row),
    regions: regions.filter(({ provider_id: of }) => of === row.id).map((region) => fromRow<Region>(region)),
    types: types.filter(({ provider_id: of }) => of === row.id).map((type) => fromRow<InstanceType>(type)),
  }))
}

/** Notes whether a provider can make instances; what is as it was is left alone. */
export async function noteStatus(tx: SpawnTx, id: string, status: string): Promise<void> {
  await sql`update provider set status = ${status} where id = ${id} and status <> ${status}`.execute(tx)
}

export async function remove(tx: SpawnTx, id: string): Promise<void> {
  await tx.deleteFrom('provider').where('id', '=', id).execute()
}
