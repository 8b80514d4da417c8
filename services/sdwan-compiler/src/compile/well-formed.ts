import { cidrHolds } from '@powernode/policy'
import { differenceOf } from './difference.ts'
import type { Problem } from '../plan.ts'
import type { AccountBgp, Crossing, FirewallRule, Id, Member, Network, PortMapping, Selector, VirtualIp, VrfAssignment, World } from '../world.ts' // prettier-ignore
import { isAddressV6, isDeviceName, isEndpoint, isHost, isId, isKey, isPairName, isPort, isPrefix, isPrefixV6, isTag, isWhole } from './alphabets.ts' // prettier-ignore

/**
 * The world without what is malformed: a network with a malformed record is left out whole and carries nothing, and so is a
 * crossing. To leave out the record alone would be to open what a rule kept shut.
 *
 * Policies, leaks and OVN are judged where they are written. `before` is a world in which nothing was malformed: records that are in it
 * are not looked at again.
 */
export function wellFormed(
  world: World,
  before?: World,
): { readonly world: World; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const bad = new Set<Id>()
  const judge = (record: object, said: { networkId: Id; name: string; flaw: () => string | undefined }): boolean => {
    if (sound.has(record)) return true
    const flaw = said.flaw()
    if (flaw === undefined) sound.add(record)
    else problems.push({ fatal: true, code: 'MALFORMED', record: said.name, message: `its ${flaw} cannot be written` })
    return flaw === undefined
  }
  const unknown = <T>(list: (world: World) => readonly T[]): readonly T[] =>
    before ? differenceOf(list(before), list(world)).come : list(world)
  const each = <T extends object>(
    list: (world: World) => readonly T[],
    of: (item: T) => Parameters<typeof judge>[1],
  ): void => {
    for (const item of unknown(list)) {
      if (sound.has(item)) continue
      const said = of(item)
      if (!judge(item, said)) bad.add(said.networkId)
    }
  }
  const mapped = world.portMappings.length > 0 ? world.members : []
  const networkOf = new Map(mapped.map(({ id, networkId }) => [id, networkId]))
  each(
    ({ networks }) => networks,
    (it) => ({ networkId: it.id, name: `network/${it.id}`, flaw: () => networkFlaw(it) }),
  )
  each(
    ({ members }) => members,
    (it) => ({ networkId: it.networkId, name: `member/${it.id}`, flaw: () => memberFlaw(it) }),
  )
  each(
    ({ rules }) => rules,
    (it) => ({ networkId: it.networkId, name: `firewall_rule/${it.id}`, flaw: () => ruleFlaw(it) }),
  )
  each(
    ({ portMappings }) => portMappings,
    (it) => ({
      networkId: networkOf.get(it.memberId) ?? '',
      name: `port_mapping/${it.id}`,
      flaw: () => mappingFlaw(it),
    }),
  )
  each(
    ({ virtualIps }) => virtualIps,
    (it) => ({ networkId: it.networkId, name: `virtual_ip/${it.id}`, flaw: () => vipFlaw(it) }),
  )
  each(
    ({ vrfs }) => vrfs,
    (it) => ({ networkId: it.networkId, name: `vrf_assignment/${it.vrfName}`, flaw: () => vrfFlaw(it) }),
  )
  const cidrs = new Map(world.networks.map(({ id, cidr }) => [id, cidr]))
  const isMoved = unknown(({ networks }) => networks).length > 0
  const placed = isMoved ? world.members : unknown(({ members }) => members)
  for (const { id, networkId, address } of outside(placed, cidrs, bad)) {
    const message = `its address ${address} is not inside its network`
    problems.push({ fatal: true, code: 'ADDRESS_OUTSIDE', record: `member/${id}`, message })
    bad.add(networkId)
  }
  const crossings = world.crossings.filter((it) =>
    judge(it, { networkId: it.networkId, name: `crossing/${it.peerId}`, flaw: () => crossingFlaw(it) }),
  )
  const ovn = world.ovn.filter((it) =>
    judge(it, {
      networkId: '',
      name: `ovn_deployment/${it.id}`,
      flaw: () => (optional(it.nodeId, isId) ? undefined : 'node'),
    }),
  )
  const tests = world.tests.filter((it) =>
    judge(it, { networkId: '', name: `test/${it.id}`, flaw: () => (isId(it.id) ? undefined : 'id') }),
  )
  const sane = { ...world, ovn, tests }
  const { bgp } = world.platform
  // Without numbers of our own nothing is told to anybody, and nothing crosses.
  if (bgpFlaw(bgp) !== undefined) {
    problems.push({ fatal: true, code: 'MALFORMED', record: 'account_bgp', message: `its ${bgpFlaw(bgp)} cannot be written` }) // prettier-ignore
    const silent = { ...sane, platform: { ...world.platform, bgp: { ...bgp, enabled: false } } }
    return { world: without(silent, bad, []), problems }
  }
  return { world: problems.length === 0 ? world : without(sane, bad, crossings), problems }
}

/** Records are frozen: one that was sound stays so. */
const sound = new WeakSet<object>()
/** The network's prefix in which a member's address was found. */
const inside = new WeakMap<Member, string>()

function outside(members: readonly Member[], cidrs: ReadonlyMap<Id, string>, bad: ReadonlySet<Id>): readonly Member[] {
  return members.filter((member) => {
    const cidr = cidrs.get(member.networkId)
    // A member of no network that is compiled is in none of the artifacts.
    if (cidr === undefined || bad.has(member.networkId) || inside.get(member) === cidr) return false
    const isInside = cidrHolds(cidr, `${member.address}/128`)
    if (isInside) inside.set(member, cidr)
    return !isInside
  })
}

function without(world: World, bad: ReadonlySet<Id>, crossings: readonly Crossing[]): World {
  const isGood = ({ networkId }: { readonly networkId: Id }): boolean => !bad.has(networkId)
  const members = world.members.filter(isGood)
  const known = new Set(members.map(({ id }) => id))
  return {
    ...world,
    networks: world.networks.filter(({ id }) => !bad.has(id)),
    members,
    rules: world.rules.filter(isGood),
    portMappings: world.portMappings.filter(({ memberId }) => known.has(memberId)),
    virtualIps: world.virtualIps.filter(isGood),
    vrfs: world.vrfs.filter(isGood),
    crossings: crossings.filter(isGood),
  }
}

/** The first of some that does not hold, by name. */
const flawIn = (checks: Readonly<Record<string, boolean>>): string | undefined =>
  Object.entries(checks).find(([, holds]) => !holds)?.[0]

const among = (value: unknown, ...words: readonly string[]): boolean => words.some((word) => word === value)

const optional = (value: unknown, is: (value: unknown) => boolean): boolean => value === undefined || is(value)

const networkFlaw = (it: Network): string | undefined =>
  flawIn({
    id: isId(it.id),
    prefix: isPrefixV6(it.cidr),
    routing: among(it.routingProtocol, 'static', 'ibgp'),
    topology: among(it.topology, 'hub_and_spoke', 'full_mesh'),
    'default policy': among(it.defaultPolicy, 'drop', 'accept'),
    isolation: among(it.isolation, 'shared', 'dedicated_vrf'),
    mtu: isWhole(it.mtu, 1280, 9000),
    'pod prefix': optional(it.podSubnet, isPrefix),
    'number of reflectors': isWhole(it.routeReflectors, 0, 16),
  })

const bgpFlaw = (it: AccountBgp): string | undefined =>
  flawIn({
    'AS number': isWhole(it.asNumber, 1, 4_294_967_294) || !it.enabled,
    'local preference': isWhole(it.defaultLocalPref, 0, 0xffff_ffff),
    switch: typeof it.enabled === 'boolean',
  })

const memberFlaw = (it: Member): string | undefined =>
  flawIn({
    id: isId(it.id) && isId(it.networkId),
    node: isId(it.nodeId),
    address: isAddressV6(it.address),
    endpoint: optional(it.endpointV6, isHost) && optional(it.endpointV4, isHost) && isPort(it.endpointPort),
    port: isPort(it.listenPort),
    LANs: it.lanSubnets.every(isPrefix),
    tags: it.tags.every(isTag),
    'public key': optional(it.publicKey, isKey),
  })

const ruleFlaw = (it: FirewallRule): string | undefined =>
  flawIn({
    id: isId(it.id) && isId(it.networkId),
    priority: Number.isInteger(it.priority),
    action: among(it.action, 'accept', 'drop', 'reject'),
    direction: among(it.direction, 'ingress', 'egress', 'both'),
    protocol: among(it.protocol, 'any', 'tcp', 'udp', 'icmp6'),
    source: isSelector(it.src),
    destination: isSelector(it.dst),
    ports: it.dstPorts === undefined || (isPort(it.dstPorts.from) && isPort(it.dstPorts.to) && it.dstPorts.from <= it.dstPorts.to), // prettier-ignore
  })

function isSelector(selector: Selector): boolean {
  switch (selector.kind) {
    case 'all':
      return true
    case 'member':
      return isId(selector.memberId)
    case 'tag':
      return isTag(selector.tag)
    case 'cidr':
      return isPrefix(selector.cidr)
    case 'federation_peer':
      return isId(selector.peerId)
    default:
      return false
  }
}

const mappingFlaw = (it: PortMapping): string | undefined =>
  flawIn({
    id: isId(it.id),
    ports: isPort(it.listenPort) && isPort(it.targetPort),
    protocol: among(it.protocol, 'tcp', 'udp'),
    target: among(it.target.kind, 'member', 'virtual_ip'),
    limits: [it.rateLimit, it.maxConnections].every((limit) => optional(limit, (value) => isWhole(value, 1, 0xffff_ffff))), // prettier-ignore
    sources: it.sourceCidrs.every(isPrefix),
  })

const vipFlaw = (it: VirtualIp): string | undefined =>
  flawIn({
    id: isId(it.id),
    weights: isWhole(it.med, 0, 0xffff_ffff) && isWhole(it.localPref, 0, 0xffff_ffff),
    prefix: isPrefix(it.cidr) && /\/(?:128|32)$/.test(it.cidr) && isHostLong(it.cidr),
  })

/** A /32 of IPv6 is no address. */
const isHostLong = (cidr: string): boolean => cidr.endsWith(cidr.includes(':') ? '/128' : '/32')

const vrfFlaw = (it: VrfAssignment): string | undefined =>
  flawIn({ node: isId(it.nodeId), name: isDeviceName(it.vrfName), table: isWhole(it.tableId, 100, 65_535) })

const crossingFlaw = (it: Crossing): string | undefined =>
  flawIn({
    peer: isId(it.peerId),
    gateways: it.gateways.every(({ memberId, listenPort, publicKey }) => isId(memberId) && isPort(listenPort) && optional(publicKey, isKey)), // prettier-ignore
    'other end': it.remote.every(({ publicKey, endpoint, address }) => isKey(publicKey) && optional(endpoint, isEndpoint) && isAddressV6(address)), // prettier-ignore
    pair: isPairName(it.pair),
    prefixes: [...it.accepted, ...it.advertised].every(isPrefixV6),
    limit: isWhole(it.maxPrefixes, 0, 0xffff_ffff),
  })
