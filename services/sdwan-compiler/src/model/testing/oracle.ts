import type { Crossing, FirewallRule, Id, Member, Network, Selector, VirtualIp, World } from '../../world.ts'
import { holds, mustIp, mustNet } from '../address.ts'

/** A place as an operator thinks of it: an address, and whose it is. */
export type Spot = {
  readonly address: string
  readonly networkId: Id
  /** Who has it: undefined, beyond a crossing. */
  readonly member: Member | undefined
  readonly crossing: Crossing | undefined
}

export type Service = { readonly protocol: 'tcp' | 'udp' | 'icmp6'; readonly port: number }

/**
 * Who may reach whom, from intent alone: no tunnels, no chains, no routes. Written from the comments of the contract (intent.proto)
 * and of world.ts, knowing nothing of what the compiler makes of them. Undefined: intent does not say.
 */
export function mayReach(world: World, src: Spot, dst: Spot, service: Service): boolean | undefined {
  if (src.member && src.member.nodeId === dst.member?.nodeId) return undefined
  if (src.networkId !== dst.networkId) return world.routeLeaks.length > 0 ? undefined : false
  const network = world.networks.find(({ id }) => id === src.networkId)
  if (!network) return false
  const crossing = src.crossing ?? dst.crossing
  const ours = src.crossing ? dst : src
  if (crossing && !crossing.advertised.some((prefix) => holds(mustNet(prefix), mustIp(ours.address)))) return false
  if (isAnycast(world, src) || (isAnycast(world, dst) && isHeldBy(world, dst, src.member))) return undefined
  return isJoined(world, network, { src, dst }) && isAllowed(world, network, { src, dst, service })
}

/** Of an address that several have, nobody can say who speaks from it; and who has it himself asks nobody. */
function isAnycast({ virtualIps }: World, { address }: Spot): boolean {
  return virtualIps.some(({ cidr, anycast }) => anycast && cidr === `${address}/128`)
}

function isHeldBy({ virtualIps }: World, { address }: Spot, member: Member | undefined): boolean {
  return virtualIps.some(({ cidr, holders }) => cidr === `${address}/128` && holders.includes(member?.id ?? ''))
}

/** Whether there is a road at all: keys, somebody who can be called, and a hub where one is needed. */
function isJoined(world: World, { id, topology }: Network, { src, dst }: { src: Spot; dst: Spot }): boolean {
  const ends = [src, dst].map(({ member, crossing }) => member ?? gatewayOf(world, crossing))
  const [one, other] = ends
  if (!one || !other || one.publicKey === undefined || other.publicKey === undefined) return false
  if (one === other) return true
  if (topology === 'full_mesh') return canBeCalled(one) || canBeCalled(other)
  const hubs = world.members.filter(
    (member) => member.networkId === id && member.publicKey !== undefined && canBeCalled(member),
  )
  return hubs.length > 0
}

function canBeCalled({ publiclyReachable, endpointV4, endpointV6 }: Member): boolean {
  return publiclyReachable && (endpointV4 !== undefined || endpointV6 !== undefined)
}

export function gatewayOf(world: World, crossing: Crossing | undefined): Member | undefined {
  const ids = crossing?.gateways.map(({ memberId }) => memberId) ?? []
  return world.members.find(({ id, publicKey }) => ids.includes(id) && publicKey !== undefined)
}

/**
 * Judged where it leaves, by rules of egress and both, which can only forbid; and where it arrives, by rules of ingress and
 * both, and where none speaks by the network's default, which at a crossing is always to drop.
 */
function isAllowed(
  world: World,
  { id, defaultPolicy }: Network,
  packet: { readonly src: Spot; readonly dst: Spot; readonly service: Service },
): boolean {
  const rules = world.rules
    .filter(({ networkId }) => networkId === id)
    .toSorted((one, other) => one.priority - other.priority || (one.name < other.name ? -1 : 1))
  const first = (own: 'egress' | 'ingress'): FirewallRule | undefined =>
    rules.find((rule) => (rule.direction === 'both' || rule.direction === own) && speaksOf(world, rule, packet))
  const [leaving, arriving] = [first('egress'), first('ingress')]
  if (leaving && leaving.action !== 'accept') return false
  if (arriving) return arriving.action === 'accept'
  return defaultPolicy === 'accept' && !packet.src.crossing && !packet.dst.crossing
}

/** What the rules of one network make of what arrives there, whoever else has been asked. */
export function arrives(
  world: World,
  networkId: Id,
  packet: { readonly src: Spot; readonly dst: Spot; readonly service: Service },
): boolean {
  const first = world.rules
    .filter((rule) => rule.networkId === networkId && rule.direction !== 'egress' && speaksOf(world, rule, packet))
    .toSorted((one, other) => one.priority - other.priority || (one.name < other.name ? -1 : 1))[0]
  const policy = world.networks.find(({ id }) => id === networkId)?.defaultPolicy
  return first ? first.action === 'accept' : policy === 'accept'
}

function speaksOf(
  world: World,
  rule: FirewallRule,
  { src, dst, service }: { readonly src: Spot; readonly dst: Spot; readonly service: Service },
): boolean {
  const { protocol, dstPorts } = rule
  if (protocol !== 'any' && protocol !== service.protocol) return false
  if (protocol === 'icmp6' && !src.address.includes(':')) return false
  if (dstPorts && (service.port < dstPorts.from || service.port > dstPorts.to)) return false
  return means(world, rule, { selector: rule.src, spot: src }) && means(world, rule, { selector: rule.dst, spot: dst })
}

function means(
  world: World,
  { networkId }: FirewallRule,
  { selector, spot }: { readonly selector: Selector; readonly spot: Spot },
): boolean {
  const its = world.members.filter((member) => member.networkId === networkId)
  switch (selector.kind) {
    case 'all':
      return true
    case 'member':
      return its.some(({ id, address }) => id === selector.memberId && address === spot.address)
    case 'tag':
      return its.some(({ tags, address }) => tags.includes(selector.tag) && address === spot.address)
    case 'federation_peer':
      return spot.crossing?.peerId === selector.peerId
    default:
      return holds(mustNet(selector.cidr), mustIp(spot.address))
  }
}

/** Everything that can be asked about: members, what lies behind them, virtual IPs, and somebody at each peer. */
export function spotsOf(world: World): readonly Spot[] {
  const members = world.members.map((member) => spot(member, member.address))
  const behind = world.members.flatMap((member) => member.lanSubnets.map((lan) => spot(member, hostIn(lan))))
  const held = world.virtualIps.flatMap((virtualIp) => {
    const holder = holderOf(world, virtualIp)
    const [address = ''] = virtualIp.cidr.split('/')
    return [{ ...spot(holder, address), networkId: virtualIp.networkId }]
  })
  const foreign = world.crossings.flatMap((crossing) =>
    crossing.accepted.map((prefix) => ({
      address: hostIn(prefix),
      networkId: crossing.networkId,
      member: undefined,
      crossing,
    })),
  )
  return [...members, ...behind, ...held, ...foreign]
}

function spot(member: Member | undefined, address: string): Spot {
  return { address, networkId: member?.networkId ?? '', member, crossing: undefined }
}

function holderOf({ members }: World, { holders, anycast }: VirtualIp): Member | undefined {
  const their = holders.map((holder) => members.find(({ id }) => id === holder))
  return anycast ? their.find((member) => member?.publicKey !== undefined) : their[0]
}

/** Somebody in a prefix who is nobody else. */
export function hostIn(prefix: string): string {
  const [address = ''] = prefix.split('/')
  return address.includes(':') ? `${address}77` : address.replace(/\.0$/, '.77')
}
