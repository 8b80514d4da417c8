import type { Lab } from '../lab/lab.ts'
import type { VrfAssignment, World } from '../../services/sdwan-compiler/src/world.ts'
import { Router } from './routers.ts'

/** Routers whose networks have tables of their own: a namespace `<node><network>` stands for each VRF, and has the wire of its member. */
export async function laid(
  lab: Lab,
  world: World,
): Promise<{ readonly world: World; readonly routers: ReadonlyMap<number, Router> }> {
  const isolated = world.networks.filter(({ isolation }) => isolation === 'dedicated_vrf').map(({ id }) => id)
  const vrfs: VrfAssignment[] = []
  for (const { nodeId, networkId } of world.members.filter((each) => isolated.includes(each.networkId))) {
    const table = await lab.node(`${numberOf(nodeId)}${numberOf(networkId)}`)
    await Router.wire(table, world, nodeId, networkId)
    vrfs.push({ nodeId, networkId, tableId: 100 + numberOf(networkId), vrfName: table.netns })
  }
  const whole = { ...world, vrfs }
  const shared = { ...world, members: world.members.filter(({ networkId }) => !isolated.includes(networkId)) }
  const routers = new Map<number, Router>()
  for (const nodeId of new Set(world.members.map((each) => each.nodeId))) {
    const main = await lab.node(`h${numberOf(nodeId)}`)
    await Router.wire(main, shared, nodeId)
    routers.set(numberOf(nodeId), await Router.startWithTables(main, whole, nodeId))
  }
  return { world: whole, routers }
}

const numberOf = (id: string): number => Number(id.at(-1))
