import type { WireGuardInterface } from '../../plan.ts'
import type { Id, Member, World } from '../../world.ts'
import { mustIp } from '../address.ts'
import type { Model } from '../model.ts'
import type { ModelNode } from '../model-node.ts'
import { walk } from '../walk.ts'
import type { Way } from '../way.ts'
import { arrives, hostIn, type Service } from './oracle.ts'

type Packet = { readonly src: string; readonly dst: string }
type Door = { readonly node: ModelNode; readonly by: WireGuardInterface; readonly vrf: string | undefined }

/**
 * What no tunnel carries that is as it was compiled, and whoever has root on a node of his writes by hand: packets out of one network's
 * tunnel for what another has at the same node, and packets that bear an address which is not the sender's. One line for each
 * that a node lets in although nobody means it to.
 */
export function intruders(model: Model, services: readonly Service[]): string[] {
  const found: string[] = []
  for (const node of model.nodes.values()) {
    for (const by of node.plan.interfaces) {
      const network = networkOf(model, by)
      const here = model.membersOf(node.id)
      const [self] = here.filter(({ networkId }) => networkId === network)
      if (!network || !self) continue
      const its = { node, by, vrf: by.vrfName }
      for (const service of services) {
        found.push(...spoofing(model, its, { self, here, service }))
        for (const other of here) if (other.networkId !== network) found.push(...crossing(model, its, { network, other, service })) // prettier-ignore
      }
    }
  }
  return found
}

/** Whoever is in a network comes for what its nodes have besides, of which no network knows. */
export function toNodes(model: Model, places: readonly string[], services: readonly Service[]): string[] {
  const doors = [...model.nodes.values()].flatMap((node) => node.plan.interfaces.map((by) => ({ node, by, vrf: by.vrfName }))) // prettier-ignore
  return doors.flatMap((its) =>
    places.flatMap((dst) =>
      services.flatMap((service) => {
        const network = networkOf(model, its.by)
        const stranger = network === undefined ? undefined : strangerIn(model.compiled.world, network, its.node)
        const src = dst.includes(':') ? (stranger ?? 'fdee::77') : '10.255.0.77'
        const way = sent(model, its, { src, dst, service })
        const isIn = way.at?.node === its.node && way.at.kind === 'node' && !way.translations.has(its.node.id)
        return isIn ? [`${src} by ${its.by.name} is let in at ${dst} ${service.protocol}/${service.port}, which is the node's`] : [] // prettier-ignore
      }),
    ),
  )
}

type Case = { readonly network: Id; readonly other: Member; readonly service: Service }

/** Of two networks of a node: whoever is in one comes for what the other has there. */
function crossing(model: Model, { node, by }: Door, { network, other, service }: Case): string[] {
  const { world } = model.compiled
  const their = model.interfaceOf(other)
  if (!their || (by.vrfName !== undefined && by.vrfName === their.vrfName)) return []
  // A kernel looks for addresses of its own before it asks the table of a VRF; but it looks into no VRF's.
  if (their.vrfName !== undefined) return []
  const held = node.plan.heldAddresses.filter((each) => each.interface === their.name).map(({ cidr }) => cidr.split('/')[0] ?? '') // prettier-ignore
  const behind = by.vrfName === undefined ? other.lanSubnets.map(hostIn) : []
  const isLeaked = leaks(world, by, network, other.networkId)
  return [other.address, ...held, ...behind].flatMap((dst) => {
    const src = dst.includes(':') ? strangerIn(world, network, node) : '10.255.0.77'
    if (src === undefined) return []
    const way = sent(model, { node, by, vrf: undefined }, { src, dst, service })
    const isIn = way.at?.node === node && way.at.kind !== 'peer'
    const what = `${src} by ${by.name} to ${dst} ${service.protocol}/${service.port}`
    if (!isLeaked) return isIn ? [`${what} of another network is let in`] : []
    const spots = [src, dst].map((address) => ({ address, networkId: other.networkId, member: undefined, crossing: undefined })) // prettier-ignore
    const [from, to] = spots
    if (!from || !to) return []
    const isMeant = [network, other.networkId].map((id) => arrives(world, id, { src: from, dst: to, service }))
    if (isIn && isMeant[1] === false) return [`${what} is let in by one of two networks`]
    const isOpen = world.rules.length === 0 && isMeant.every(Boolean)
    return isOpen && !isIn && dst === other.address ? [`${what} leaks, and is not let in`] : []
  })
}

/** Out of a tunnel comes nothing that bears the node's own address, nor one of a network that is not the tunnel's. */
function spoofing(
  model: Model,
  its: Door,
  { self, here, service }: { self: Member; here: readonly Member[]; service: Service },
): string[] {
  const { world } = model.compiled
  const foreign = here.filter(({ networkId }) => networkId !== self.networkId && !leaks(world, its.by, self.networkId, networkId)) // prettier-ignore
  const sources = [self.address, ...foreign.flatMap(({ networkId }) => strangerIn(world, networkId, its.node) ?? [])]
  const places = [self.address, ...self.lanSubnets.filter((lan) => lan.includes(':')).map(hostIn)]
  return sources.flatMap((src) =>
    places.flatMap((dst) => {
      const { at } = sent(model, its, { src, dst, service })
      return at?.node === its.node ? [`${src}, which is not there, is heard by ${its.by.name} at ${dst}`] : []
    }),
  )
}

function sent(model: Model, { node, by, vrf }: Door, said: Packet & { readonly service: Service }): Way {
  const { protocol, port } = said.service
  const isPing = protocol === 'icmp6'
  const word = isPing ? (said.src.includes(':') ? 'icmpv6' : 'icmp') : protocol
  return walk(
    model,
    { node, vrf, from: by },
    {
      src: mustIp(said.src),
      dst: mustIp(said.dst),
      protocol: word,
      sport: isPing ? 0 : 40_000,
      dport: port,
      icmp: isPing ? 'echo-request' : '',
    },
  )
}

function networkOf(model: Model, { owner }: WireGuardInterface): Id | undefined {
  return owner.kind === 'member' ? model.members.get(owner.memberId)?.networkId : undefined
}

/** A member of a network who is at home on another node. */
const strangerIn = ({ members }: World, networkId: Id, node: ModelNode): string | undefined =>
  members.find((member) => member.networkId === networkId && member.nodeId !== node.id)?.address

/** Whether routes leak between two networks, one of which has a table of its own here. */
// oxlint-disable-next-line max-params -- where, and between which two
function leaks({ platform, networks, routeLeaks }: World, by: WireGuardInterface, one: Id, other: Id): boolean {
  const both = networks.filter(({ id }) => id === one || id === other)
  const isRouted = platform.bgp.enabled && both.every(({ routingProtocol }) => routingProtocol === 'ibgp')
  const isApart = by.vrfName !== undefined || both.some(({ isolation }) => isolation !== 'shared')
  const isSaid = routeLeaks.some(({ sourceNetworkId, destNetworkId }) => [one, other].includes(sourceNetworkId) && [one, other].includes(destNetworkId)) // prettier-ignore
  return isRouted && isApart && isSaid
}
