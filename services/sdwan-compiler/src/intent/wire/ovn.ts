import type { OvnAcl, OvnDeployment, OvnPort, OvnSwitch } from '@powernode/proto/powernode/sdwan/v1/ovn_pb.ts'
import { familyOf, type Reading } from '../reading.ts'
import type { Fields, OvnState } from '../records.ts'

const STATES: readonly [OvnState, ...OvnState[]] = ['pending', 'active', 'removed']

export function readDeployment(said: OvnDeployment, read: Reading): Fields['ovn_deployment'] {
  const status = read.word('status', said.status, ['pending', 'bootstrapping', 'active', 'degraded'])
  const nbEndpoint = readEndpoint('nb_db_endpoint', said.nbDbEndpoint, read)
  const sbEndpoint = readEndpoint('sb_db_endpoint', said.sbDbEndpoint, read)
  if (status !== 'pending' && nbEndpoint === null) read.object('nb_db_endpoint', `is required while it is ${status}`)
  if (status !== 'pending' && sbEndpoint === null) read.object('sb_db_endpoint', `is required while it is ${status}`)
  return {
    name: read.text('name', said.name, 'label'),
    status,
    nbEndpoint,
    sbEndpoint,
    nodeId: read.optional('northd_node_instance_id', said.northdNodeInstanceId, 'id'),
  }
}

/** tcp:192.0.2.7:6641, ssl:[fd00::7]:6641, unix:/run/ovn/ovnnb_db.sock */
export function readEndpoint(field: string, said: string, read: Reading): string | null {
  const endpoint = read.optional(field, said, 'endpoint')
  const [, bracketed, plain, port] = /^(?:tcp|ssl):(?:\[([^\]]+)\]|([^[\]:]+)):(\d+)$/.exec(said) ?? []
  if (bracketed !== undefined) read.address(field, bracketed, 'ip6')
  if (plain !== undefined) read.address(field, plain, 'ip4')
  if (port !== undefined) read.number(field, Number(port), { from: 1, to: 65_535 })
  if (said.includes('..')) read.object(field, 'is a path without ..')
  return endpoint
}

export const readSwitch = (said: OvnSwitch, read: Reading): Fields['ovn_switch'] => ({
  deploymentId: read.text('deployment_id', said.deploymentId, 'id'),
  name: read.text('name', said.name, 'switchName'),
  cidr: read.optionalPrefix('cidr', said.cidr),
  state: read.word('state', said.state, STATES),
  networkId: read.optional('network_id', said.networkId, 'id'),
})

/** Its MAC address is made when it is not said. */
export type SaidPort = Omit<Fields['ovn_port'], 'mac'> & { readonly mac: string | null }

export const readPort = (said: OvnPort, read: Reading): SaidPort => ({
  switchId: read.text('switch_id', said.switchId, 'id'),
  name: read.text('name', said.name, 'switchName'),
  kind: read.word('kind', said.kind, ['vm', 'container', 'external']),
  mac: read.optional('mac', said.mac, 'mac'),
  addresses: [...new Set(said.addresses.map((address) => read.address('addresses', address)))].toSorted(),
  hostNodeId: read.optional('host_node_instance_id', said.hostNodeInstanceId, 'id'),
  state: read.word('state', said.state, STATES),
})

export function readAcl(said: OvnAcl, read: Reading): Fields['ovn_acl'] {
  const match = said.match
  const inside = read.in('match')
  const protocol = inside.word('protocol', match?.protocol ?? '', ['any', 'tcp', 'udp', 'icmp'])
  const src = inside.optionalPrefix('src_cidr', match?.srcCidr ?? '')
  const dst = inside.optionalPrefix('dst_cidr', match?.dstCidr ?? '')
  const family = inside.word('family', match?.family ?? '', ['any', 'ip4', 'ip6'])
  if (match?.srcNot && src === null) inside.object('src_not', 'of which src_cidr?')
  if (match?.dstNot && dst === null) inside.object('dst_not', 'of which dst_cidr?')
  const families = [src, dst].flatMap((cidr) => (cidr === null ? [] : [familyOf(cidr)]))
  if (new Set([...families, ...(family === 'any' ? [] : [family])]).size > 1)
    inside.object('family', 'the addresses are of another family: no packet is of both')
  return {
    switchId: read.text('switch_id', said.switchId, 'id'),
    name: read.text('name', said.name, 'switchName'),
    direction: read.word('direction', said.direction, ['from-lport', 'to-lport']),
    priority: read.number('priority', said.priority, { from: 1, to: 32_000, otherwise: 1000 }),
    action: read.word('action', said.action, ['allow', 'allow-related', 'drop', 'reject']),
    family,
    src,
    srcNot: match?.srcNot ?? false,
    dst,
    dstNot: match?.dstNot ?? false,
    protocol,
    ...inside.ports('dst_ports', match?.dstPorts, protocol),
    portId: inside.optional('port_id', match?.portId ?? '', 'id'),
    state: read.word('state', said.state, STATES),
  }
}
