import type { Fields, SelectorKind } from '../records.ts'
import { named, refuseOverlap, type Around } from './around.ts'
import { membersIn } from './networks.ts'

/** A rule that is new, or speaks of others than before, names members that are there. One whose member went later matches nothing. */
export function completeRule(said: Fields['firewall_rule'], around: Around<'firewall_rule'>): Fields['firewall_rule'] {
  const { before } = around
  named(around, 'network_id', 'network', said.networkId)
  if (said.srcValue !== before?.srcValue) speaksOf('src', said.srcKind, said.srcValue, said.networkId, around)
  if (said.dstValue !== before?.dstValue) speaksOf('dst', said.dstKind, said.dstValue, said.networkId, around)
  return said
}

// oxlint-disable-next-line max-params -- one selector, taken apart
function speaksOf(
  field: string,
  kind: SelectorKind,
  value: string,
  networkId: string,
  around: Around<'firewall_rule'>,
): void {
  // prettier-ignore
  if (kind !== 'member') return
  const member = named(around, field, 'member', value)
  if (member && member.networkId !== networkId) around.read.object(field, `${member.name} is no member of this network`)
}

export function completeMapping(said: Fields['port_mapping'], around: Around<'port_mapping'>): Fields['port_mapping'] {
  const { read } = around
  const hub = named(around, 'member_id', 'member', said.memberId)
  if (hub && !hub.publiclyReachable)
    read.object('member_id', `${hub.name} is no hub: nothing arrives there from outside`)
  const member = named(around, 'target_member_id', 'member', said.targetMemberId)
  const virtualIp = named(around, 'target_virtual_ip_id', 'virtual_ip', said.targetVirtualIpId)
  const target = member ?? virtualIp
  if (hub && target && target.networkId !== hub.networkId) read.object('target', `${target.name} is in another network`)
  if (hub && said.listenPort === hub.listenPort && said.protocol === 'udp')
    read.object('listen_port', 'there the hub listens for its tunnels')
  const isV4 = virtualIp !== undefined && !virtualIp.cidr.includes(':')
  if (
    said.sourceCidrs.some((cidr) => cidr.includes(':') === isV4) &&
    said.sourceCidrs.every((cidr) => cidr.includes(':') === isV4)
  )
    // prettier-ignore
    read.object('source_cidrs', 'are all of another family than the target: nobody could come in')
  return said
}

export function completeVirtualIp(said: Fields['virtual_ip'], around: Around<'virtual_ip'>): Fields['virtual_ip'] {
  const { draft, read, id } = around
  const network = named(around, 'network_id', 'network', said.networkId)
  for (const field of ['holders', 'failover'] as const) {
    const known = membersIn(draft, said.networkId, said[field])
    const strange = said[field].find((one) => !known.includes(one))
    const wire = field === 'holders' ? 'holder_member_ids' : 'failover_member_ids'
    if (strange !== undefined) read.object(wire, `${strange} is no member of this network`)
  }
  const host = said.cidr.replace(/\/\d+$/, '')
  if (host === network?.cidr.replace(/\/\d+$/, ''))
    read.object('cidr', 'is the address of every router of the network (RFC 4291 §2.6.1)')
  const members = [...draft.all('member').values()].map(({ address, name }) => ({ prefix: `${address}/128`, whose: `member ${name}` })) // prettier-ignore
  const networks = [...draft.all('network').values()].filter((other) => other.id !== said.networkId)
  refuseOverlap('the virtual IP', said.cidr, [
    ...members,
    ...networks.map(({ cidr, name }) => ({ prefix: cidr, whose: `network ${name}` })),
    ...[...draft.all('virtual_ip').values()].filter((other) => other.id !== id).map(({ cidr, name }) => ({ prefix: cidr, whose: `virtual IP ${name}` })), // prettier-ignore
  ])
  return said
}
