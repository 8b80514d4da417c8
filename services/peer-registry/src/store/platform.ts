import type { Tx } from '@powernode/postgres'
import type { Platform } from '../platform.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const PLATFORM = [
  'platform_id', 'identity_key', 'identity_key_sealed', 'trust_domain', 'bundle_sequence', 'bundle',
  'prefix_advertisement', 'platform_version', 'created_at',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, platform: Platform): Promise<void> {
  await tx.insertInto('platform').values(toRow(platform)).execute()
}

export async function find(tx: Tx<Tables>): Promise<Platform | undefined> {
  const row = await tx.selectFrom('platform').select(PLATFORM).executeTakeFirst()
  return row && fromRow<Platform>(row)
}

export async function read(tx: Tx<Tables>): Promise<Platform> {
  const platform = await find(tx)
  if (!platform) throw new Error('this database holds no platform yet: run the init step of peer-registry first')
  return platform
}

/** As read, locked: bundle sequences are given out one at a time. */
export async function lock(tx: Tx<Tables>): Promise<Platform> {
  const row = await tx.selectFrom('platform').select(PLATFORM).forUpdate().executeTakeFirstOrThrow()
  return fromRow<Platform>(row)
}

/** Keeps where our networks lie. */
export async function savePrefix(tx: Tx<Tables>, prefixAdvertisement: string): Promise<void> {
  await tx.updateTable('platform').set({ prefix_advertisement: prefixAdvertisement }).execute()
}

/** Keeps which version we are of. */
export async function saveVersion(tx: Tx<Tables>, platformVersion: string): Promise<void> {
  await tx.updateTable('platform').set({ platform_version: platformVersion }).execute()
}

/** The version we are of. */
export async function version(tx: Tx<Tables>): Promise<string> {
  const row = await tx.selectFrom('platform').select('platform_version').executeTakeFirstOrThrow()
  return row.platform_version
}

/** Replaces our bundle, provided its sequence grows. */
export async function saveBundle(tx: Tx<Tables>, bundle: Buffer, sequence: number): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('platform')
    .set({ bundle, bundle_sequence: sequence })
    .where('bundle_sequence', '<', sequence)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows !== 1n) throw new Error(`bundle sequence ${sequence} does not follow the one we hold`)
}
