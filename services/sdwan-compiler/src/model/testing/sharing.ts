import type { Member, World } from '../../world.ts'
import type { Model } from '../model.ts'

/**
 * Two tables of a node in which the same addresses and ports would be one connection, although nothing leads from one to the other and
 * nothing but tunnels is in them. One line each.
 */
export function sharing(model: Model): string[] {
  const { world } = model.compiled
  return [...model.nodes.values()].flatMap((node) => {
    const tables = model.membersOf(node.id).flatMap((member) => {
      const its = model.interfaceOf(member)
      if (!its) return []
      const zones = [node.firewall.zoneOf('prerouting', its.name), node.firewall.zoneOf('output', its.name)]
      return [{ member, name: its.name, vrf: its.vrfName, zone: zones.join() }]
    })
    return tables.flatMap((one, at) =>
      tables.slice(at + 1).flatMap((other) => {
        const isApart = one.vrf !== other.vrf && [one, other].some(({ vrf, member }) => vrf !== undefined && isTunnelsAlone(world, member)) // prettier-ignore
        if (!isApart || world.routeLeaks.length > 0 || one.zone !== other.zone) return []
        return [`connections by ${one.name} and by ${other.name} are the same to ${node.id}`]
      }),
    )
  })
}

const isTunnelsAlone = ({ networks }: World, { networkId, lanSubnets }: Member): boolean =>
  lanSubnets.length === 0 && networks.find(({ id }) => id === networkId)?.podSubnet === undefined
