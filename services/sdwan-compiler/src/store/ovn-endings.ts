import { sql } from 'kysely'
import type { OvnDeployment } from '../world.ts'
import type { SdwanTx } from './tables.ts'

export type Ending = {
  readonly deploymentId: string
  readonly nodeId: string
  readonly nbEndpoint: string
  readonly generation: number
  readonly name: string
  readonly endedAt: Date
}

/** As they are compiled. */
export async function list(tx: SdwanTx): Promise<readonly OvnDeployment[]> {
  const rows = await all(tx)
  return rows.map(({ deploymentId, nodeId, nbEndpoint, generation }) => ({ id: deploymentId, nodeId, nbEndpoint, ending: generation, switches: [] })) // prettier-ignore
}

export async function all(tx: SdwanTx): Promise<readonly Ending[]> {
  const { rows } = await sql<Ending>`
    select deployment_id as "deploymentId", node_id as "nodeId", nb_endpoint as "nbEndpoint", generation, name, ended_at as "endedAt"
    from ovn_ending order by deployment_id, node_id, nb_endpoint`.execute(tx)
  return rows
}

export async function save(tx: SdwanTx, ending: Ending): Promise<void> {
  const { deploymentId, nodeId, nbEndpoint, generation, name, endedAt } = ending
  await sql`insert into ovn_ending (deployment_id, node_id, nb_endpoint, generation, name, ended_at)
    values (${deploymentId}, ${nodeId}, ${nbEndpoint}, ${generation}, ${name}, ${endedAt})
    on conflict (deployment_id, node_id, nb_endpoint) do update
    set generation = excluded.generation, name = excluded.name, ended_at = excluded.ended_at`.execute(tx)
}

/** A deployment is there again: those that were to take its records away leave them. Returns who that was. */
export async function cancel(
  tx: SdwanTx,
  { deploymentId, nbEndpoint }: Pick<Ending, 'deploymentId' | 'nbEndpoint'>,
): Promise<readonly string[]> {
  const { rows } = await sql<Pick<Ending, 'nodeId'>>`
    delete from ovn_ending where deployment_id = ${deploymentId} and nb_endpoint = ${nbEndpoint}
    returning node_id as "nodeId"`.execute(tx)
  return rows.map(({ nodeId }) => nodeId)
}

/** A node is done with these, or nobody waits for it any more. */
export async function forget(
  tx: SdwanTx,
  which: Pick<Ending, 'deploymentId' | 'nodeId' | 'nbEndpoint'>,
): Promise<void> {
  const { deploymentId, nodeId, nbEndpoint } = which
  await sql`delete from ovn_ending
    where deployment_id = ${deploymentId} and node_id = ${nodeId} and nb_endpoint = ${nbEndpoint}`.execute(tx)
}
