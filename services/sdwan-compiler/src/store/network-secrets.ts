import { sql } from 'kysely'
import type { SdwanTx } from './tables.ts'

export async function insert(tx: SdwanTx, networkId: string, sealed: Buffer): Promise<void> {
  await sql`insert into network_secret (network_id, sealed) values (${networkId}, ${sealed})`.execute(tx)
}

/** Another secret, and with it other keys. */
export async function replace(tx: SdwanTx, networkId: string, sealed: Buffer): Promise<void> {
  await sql`update network_secret set sealed = ${sealed} where network_id = ${networkId}`.execute(tx)
}

export async function of(tx: SdwanTx, networkIds: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await sql<{ networkId: string; sealed: Buffer }>`
    select network_id as "networkId", sealed from network_secret where network_id = any (${[...networkIds]}::uuid[])`.execute(
    tx,
  )
  return new Map(rows.map(({ networkId, sealed }) => [networkId, sealed]))
}
