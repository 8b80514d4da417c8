import { sql } from 'kysely'
import type { SdwanTx } from './tables.ts'

/** A deployment in one database. */
export type Placed = { readonly deploymentId: string; readonly nbEndpoint: string }

/** One more that may have written it. */
export async function add(tx: SdwanTx, { deploymentId, nbEndpoint }: Placed, nodeId: string): Promise<void> {
  await sql`insert into ovn_writer (deployment_id, nb_endpoint, node_id)
    values (${deploymentId}, ${nbEndpoint}, ${nodeId}) on conflict do nothing`.execute(tx)
}

/** Who has written it: what the others wrote there before is gone, or is theirs by now. */
export async function replace(tx: SdwanTx, placed: Placed, nodeId: string): Promise<void> {
  const { deploymentId, nbEndpoint } = placed
  await sql`delete from ovn_writer
    where deployment_id = ${deploymentId} and nb_endpoint = ${nbEndpoint} and node_id <> ${nodeId}`.execute(tx)
  await add(tx, placed, nodeId)
}

/** All that may have written it, for whoever has them take it away: from then on they are waited for. */
export async function take(tx: SdwanTx, { deploymentId, nbEndpoint }: Placed): Promise<readonly string[]> {
  const { rows } = await sql<{ nodeId: string }>`
    delete from ovn_writer where deployment_id = ${deploymentId} and nb_endpoint = ${nbEndpoint}
    returning node_id as "nodeId"`.execute(tx)
  return rows.map(({ nodeId }) => nodeId)
}
