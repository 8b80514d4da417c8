import type { Difference } from '../intent/intent.ts'
import type { RecordOf } from '../intent/records.ts'
import type { Network } from '../network.ts'
import type { NodePlan } from '../plan.ts'
import * as nodes from '../store/nodes.ts'
import * as endings from '../store/ovn-endings.ts'
import * as writers from '../store/ovn-writers.ts'
import type { SdwanTx } from '../store/tables.ts'

type Said = { readonly before: Network; readonly difference: Difference }

/**
 * A deployment of OVN that is deleted, or whose database is another one, leaves its records behind: whoever wrote them is to take
 * them away, and is waited for (forget-endings.ts). One that goes to another node with its database needs nothing: its records
 * bear its mark, and whoever writes there next goes on with them. Returns all that have ended and are waited for.
 *
 * Who wrote is not who was to: a node that has never said anything has written nothing, and what is there is still of the one
 * before it. One that was heard may have written, and not have come to say so.
 */
export async function endDeployments(
  tx: SdwanTx,
  now: Date,
  { before, difference }: Said,
): Promise<Network['endings']> {
  const { inserted, updated, deleted } = difference.ovn_deployment
  if (inserted.length + updated.length + deleted.length === 0) return before.endings
  const heard = new Set((await nodes.list(tx)).map(({ nodeId }) => nodeId))
  const after = new Map([...inserted, ...updated].map((record) => [record.id, record]))
  for (const id of new Set([...after.keys(), ...deleted.map((record) => record.id)])) {
    const was = before.intent.ovn_deployment.get(id)
    const from = was && placeOf(was)
    const to = placeOf(after.get(id))
    if (was && from && heard.has(from.nodeId)) await writers.add(tx, from, from.nodeId)
    if (to) for (const nodeId of await endings.cancel(tx, to)) await writers.add(tx, to, nodeId)
    if (!was || !from || from.nbEndpoint === to?.nbEndpoint) continue
    const ended = { ...from, generation: was.version, name: was.name, endedAt: now }
    for (const nodeId of await writers.take(tx, from)) await endings.save(tx, { ...ended, nodeId })
  }
  return endings.list(tx)
}

/** A node has what it should, its database with it: what is there of its deployment is what it wrote. */
export async function noteWriter(tx: SdwanTx, { nodeId, ovn }: NodePlan): Promise<void> {
  if (ovn) await writers.replace(tx, ovn, nodeId)
}

/** Who writes which database for it; undefined: nobody does. */
function placeOf(record: RecordOf<'ovn_deployment'> | undefined) {
  if (!record || record.status === 'pending' || record.nodeId === null || record.nbEndpoint === null) return undefined
  return { deploymentId: record.id, nodeId: record.nodeId, nbEndpoint: record.nbEndpoint }
}
