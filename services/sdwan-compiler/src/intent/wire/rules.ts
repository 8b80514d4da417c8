import type { FirewallRule, PortMapping, Selector } from '@powernode/proto/powernode/sdwan/v1/firewall_pb.ts'
import type { ReachabilityTest } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import type { VirtualIp } from '@powernode/proto/powernode/sdwan/v1/routing_pb.ts' // prettier-ignore
import { familyOf, type Reading } from '../reading.ts'
import type { Fields, SelectorKind } from '../records.ts'

const NUMBER = { from: 0, to: 4_294_967_295 }

export function readRule(said: FirewallRule, read: Reading): Fields['firewall_rule'] {
  const protocol = read.word('protocol', said.protocol, ['any', 'tcp', 'udp', 'icmp6'])
  const [src, dst] = [readSelector(said.src, read.in('src')), readSelector(said.dst, read.in('dst'))]
  const families = [src, dst].filter(({ kind }) => kind === 'cidr').map(({ value }) => familyOf(value))
  if (new Set(families).size > 1) read.object('dst', 'is of another family than src: no packet is of both')
  if (protocol === 'icmp6' && families.includes('ip4')) read.object('protocol', 'icmp6 is not spoken over IPv4')
  return {
    networkId: read.text('network_id', said.networkId, 'id'),
    name: read.text('name', said.name, 'name'),
    priority: read.number('priority', said.priority, { from: 0, to: 999_999 }),
    action: read.word('action', said.action, ['accept', 'drop', 'reject']),
    direction: read.word('direction', said.direction, ['ingress', 'egress', 'both']),
    protocol,
    srcKind: src.kind,
    srcValue: src.value,
    dstKind: dst.kind,
    dstValue: dst.value,
    ...read.ports('dst_ports', said.dstPorts, protocol),
    disabled: said.disabled,
  }
}

/** None set: everybody. */
function readSelector(
  said: Selector | undefined,
  read: Reading,
): { readonly kind: SelectorKind; readonly value: string } {
  const kind = said?.kind ?? { case: undefined }
  switch (kind.case) {
    case 'memberId':
      return { kind: 'member', value: read.text('member_id', kind.value, 'id') }
    case 'tag':
      return { kind: 'tag', value: read.text('tag', kind.value, 'tag') }
    case 'cidr':
      return { kind: 'cidr', value: read.prefix('cidr', kind.value) }
    case 'federationPeerId':
      return { kind: 'federation_peer', value: read.text('federation_peer_id', kind.value, 'id') }
    default:
      return { kind: 'all', value: '' }
  }
}

export function readMapping(said: PortMapping, read: Reading): Fields['port_mapping'] {
  const listenPort = read.number('listen_port', said.listenPort, { from: 1, to: 65_535 })
  const { target } = said
  if (target.case === undefined) read.object('target', 'takes target_member_id or target_virtual_ip_id')
  const to = target.case === undefined ? '' : read.text('target', target.value, 'id')
  return {
    memberId: read.text('member_id', said.memberId, 'id'),
    listenPort,
    protocol: read.word('protocol', said.protocol, ['tcp', 'udp']),
    targetMemberId: target.case === 'targetMemberId' ? to : null,
    targetVirtualIpId: target.case === 'targetVirtualIpId' ? to : null,
    targetPort: read.number('target_port', said.targetPort, { from: 1, to: 65_535, otherwise: listenPort }),
    disabled: said.disabled,
    rateLimit: read.count('rate_limit', said.rateLimit),
    maxConnections: read.count('max_connections', said.maxConnections),
    sourceCidrs: read.prefixes('source_cidrs', said.sourceCidrs),
  }
}

export function readVirtualIp(said: VirtualIp, read: Reading): Fields['virtual_ip'] {
  const cidr = read.prefix('cidr', said.cidr)
  if (Number(cidr.split('/')[1]) !== (familyOf(cidr) === 'ip4' ? 32 : 128))
    read.object('cidr', `${cidr} is not one address`)
  const holders = read.ids('holder_member_ids', said.holderMemberIds)
  const failover = read.ids('failover_member_ids', said.failoverMemberIds)
  if (failover.some((id) => holders.includes(id))) read.object('failover_member_ids', 'names one who holds it already')
  if (said.anycast && holders.length < 2) read.object('anycast', 'takes two holders or more')
  if (said.anycast && failover.length > 0)
    read.object('failover_member_ids', 'with anycast all hold it: nobody takes it over')
  return {
    networkId: read.text('network_id', said.networkId, 'id'),
    name: read.text('name', said.name, 'name'),
    cidr,
    holders,
    failover,
    anycast: said.anycast,
    med: read.number('advertised_med', said.advertisedMed, NUMBER),
    localPref: read.number('advertised_local_pref', said.advertisedLocalPref, { ...NUMBER, otherwise: 100 }),
  }
}

export function readTest(said: ReachabilityTest, read: Reading): Fields['test'] {
  for (const field of ['accept', 'deny'] as const) {
    for (const one of said[field]) {
      read.text(field, one, 'reach')
      if (Number(/\/(\d+)$/.exec(one)?.[1] ?? 1) > 65_535) read.object(field, `${one} names no port`)
    }
  }
  if (said.accept.length + said.deny.length === 0) read.object('accept', 'a test tries something: accept or deny')
  return {
    name: read.text('name', said.name, 'name'),
    src: read.text('src', said.src, 'place'),
    accept: [...new Set(said.accept)],
    deny: [...new Set(said.deny)],
  }
}
