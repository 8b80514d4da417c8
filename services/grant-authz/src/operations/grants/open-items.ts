import type { Grant } from '../../grant.ts'
import * as bridges from '../../store/bridges.ts'
import * as kinds from '../../store/kinds.ts'
import type { GrantTx } from '../../store/tables.ts'

/** What an operator should know of a grant that is fine as it is and yet lets nobody in. */
export async function openItems(tx: GrantTx, grant: Grant): Promise<string[]> {
  const networks = grant.sdwanNetworkIds.filter((network) => network !== '*')
  const active = await bridges.activeAmong(tx, grant.peerId, networks)
  const kind = await kinds.find(tx, grant.resourceKind)
  return [
    ...networks
      .filter((network) => !active.has(network))
      .map((network) => `network ${network} has no active bridge to the peer: fedctl bridge propose`),
    ...(kind && kind.server.service !== ''
      ? []
      : [`nobody serves ${grant.resourceKind} at this moment; which kinds there are: fedctl resource kinds`]),
  ]
}
