import { cidrHolds } from '@powernode/policy'
import { asNumberOf } from '../../allocate/numbers.ts'
import type { Fields } from '../records.ts'
import type { SaidBgp } from '../wire/routing.ts'
import { named, refuseOverlap, type Around } from './around.ts'

export function completePolicy(said: Fields['route_policy'], around: Around<'route_policy'>): Fields['route_policy'] {
  named(around, 'scope_id', 'network', said.scopeNetworkId)
  named(around, 'scope_id', 'member', said.scopeMemberId)
  return said
}

export function completeLeak(said: Fields['route_leak'], around: Around<'route_leak'>): Fields['route_leak'] {
  named(around, 'source_network_id', 'network', said.sourceNetworkId)
  named(around, 'dest_network_id', 'network', said.destNetworkId)
  return said
}

export function completeBgp(said: SaidBgp, around: Around<'account_bgp'>): Fields['account_bgp'] {
  const policy = named(around, 'default_route_policy_id', 'route_policy', said.defaultRoutePolicyId)
  if (policy && policy.scope !== 'account')
    around.read.object('default_route_policy_id', 'is a policy of scope account')
  return { ...said, asNumber: said.asNumber ?? around.before?.asNumber ?? asNumberOf(around.accountId) }
}

/** What we tell a peer is ours to tell; what we take of it is nobody's yet, and not ours. */
export function completeAccess(
  said: Fields['prefix_access'],
  around: Around<'prefix_access'>,
): Fields['prefix_access'] {
  const { draft, read, id, install } = around
  const network = named(around, 'network_id', 'network', said.networkId)
  if (said.gateways.length === 0) read.object('gateway_member_ids', 'takes one gateway or more')
  for (const gatewayId of said.gateways) {
    const gateway = named(around, 'gateway_member_ids', 'member', gatewayId)
    if (!gateway) continue
    if (gateway.networkId !== said.networkId) read.object('gateway_member_ids', `${gateway.name} is no member of this network`) // prettier-ignore
    if (!gateway.publiclyReachable) read.object('gateway_member_ids', `${gateway.name} has no endpoint: the peer could not call it`) // prettier-ignore
  }
  const members = [...draft.all('member').values()].filter(({ networkId }) => networkId === said.networkId)
  const addresses = [...draft.all('virtual_ip').values()].filter(({ networkId }) => networkId === said.networkId)
  const ours = [network?.cidr ?? '', ...members.flatMap(({ lanSubnets }) => lanSubnets), ...addresses.map(({ cidr }) => cidr)] // prettier-ignore
  for (const prefix of said.advertise)
    if (network && !ours.some((own) => cidrHolds(own, prefix)))
      read.object('advertise', `${prefix} is neither the network’s, nor a LAN or virtual IP in it`)
  const lans = [...draft.all('member').values()].flatMap(({ lanSubnets, name }) => lanSubnets.map((prefix) => ({ prefix, whose: `member ${name}` }))) // prettier-ignore
  const others = [...draft.all('prefix_access').values()].filter((other) => other.id !== id && !other.disabled)
  const taken = [
    { prefix: install, whose: 'this installation' },
    ...lans,
    ...others.flatMap(({ accept, peerId }) => accept.map((prefix) => ({ prefix, whose: `peer ${peerId}` }))),
  ]
  if (!said.disabled) for (const prefix of said.accept) refuseOverlap('what is accepted,', prefix, taken)
  return said
}
