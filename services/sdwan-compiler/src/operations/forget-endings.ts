import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../by.ts'
import { intentChanged } from '../events/intent-changed.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import * as state from '../store/intent-state.ts'
import * as endings from '../store/ovn-endings.ts'
import type { SdwanTx } from '../store/tables.ts'
import { readNetwork } from './read-network.ts'

type Reported = {
  readonly compiler: NetworkCompiler
  readonly nodeId: string
  readonly appliedVersion: string
}

/**
 * A node has what it should, its northbound databases with it: the deployments that ended there are no more. It MUST have the
 * version in which they were ending, or it may speak of a time when they were still wanted.
 */
export async function settleEndings(
  tx: SdwanTx,
  now: Date,
  { compiler, nodeId, appliedVersion }: Reported,
): Promise<Network> {
  await state.takeTurn(tx)
  const before = await readNetwork(tx, now, { compiler })
  const plan = before.plan.nodes.get(nodeId)
  if (!plan || plan.version !== appliedVersion || plan.ovnEndings.length === 0) return before
  for (const ending of plan.ovnEndings) await endings.forget(tx, { ...ending, nodeId })
  return compiled(tx, before, compiler)
}

type Given = {
  readonly by: By
  readonly compiler: NetworkCompiler
  /** Of the deployment, or its name. */
  readonly deployment: string
  /** The one node that is not waited for; undefined: any. */
  readonly nodeId: string | undefined
  readonly reason: string
}

export type GivenUp = { readonly lines: readonly string[]; readonly network: Network }

/**
 * Nobody waits any longer for a node that does not come back: what a deployment left in its database stays there, unless
 * somebody takes it away by hand. Heard by audit-ledger, with the reason.
 */
export async function giveEndingUp(
  tx: SdwanTx,
  now: Date,
  { by, compiler, deployment, nodeId, reason }: Given,
): Promise<GivenUp> {
  await state.takeTurn(tx)
  const before = await readNetwork(tx, now, { compiler })
  const given = named(await endings.all(tx), { deployment, nodeId })
  for (const ending of given) await endings.forget(tx, ending)
  const lines = given.map(({ name, nodeId, nbEndpoint }) => `ovn_ending_give_up ${name}: node ${nodeId} is not waited for, and what is in ${nbEndpoint} stays there: ${reason}`) // prettier-ignore
  const network = await compiled(tx, before, compiler)
  await append(tx, intentChanged({ changeId: newId(now), by, at: now, changes: lines, planSha256: '', nodesTouched: new Set(given.map(({ nodeId }) => nodeId)).size, isForced: true })) // prettier-ignore
  return { lines, network }
}

/** Those of one deployment: what bore its name before or after it is another one, which nobody has spoken of. */
function named(
  all: readonly endings.Ending[],
  { deployment, nodeId }: Pick<Given, 'deployment' | 'nodeId'>,
): readonly endings.Ending[] {
  const at = all.filter((each) => nodeId === undefined || each.nodeId === nodeId)
  const byId = at.filter(({ deploymentId }) => deploymentId === deployment)
  const found = byId.length > 0 ? byId : at.filter(({ name }) => name === deployment)
  const said = JSON.stringify(deployment.slice(0, 64))
  const ids = [...new Set(found.map(({ deploymentId }) => deploymentId))]
  if (ids.length === 0)
    throw new Refusal('INTENT_NOT_FOUND', `nobody waits for the end of ${said}`, { next: 'fedctl net problems' })
  if (ids.length > 1)
    throw new Refusal(
      'INTENT_AMBIGUOUS',
      `${ids.length} deployments that ended were called ${said}: name one by its id`,
      {
        metadata: { ids: ids.join(',') },
        next: 'fedctl net problems',
      },
    )
  return found
}

async function compiled(tx: SdwanTx, { intent, crossings }: Network, compiler: NetworkCompiler): Promise<Network> {
  const version = await state.countOn(tx)
  return compiler.compile(version, intent, { crossings, endings: await endings.list(tx) })
}
