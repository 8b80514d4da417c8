import { macOf } from '../../allocate/numbers.ts'
import { inSomeCidr } from '@powernode/policy'
import type { Fields } from '../records.ts'
import type { SaidPort } from '../wire/ovn.ts'
import { named, unchanged, type Around } from './around.ts'

export function completeSwitch(said: Fields['ovn_switch'], around: Around<'ovn_switch'>): Fields['ovn_switch'] {
  named(around, 'deployment_id', 'ovn_deployment', said.deploymentId)
  named(around, 'network_id', 'network', said.networkId)
  unchanged(around.read, 'deployment_id', around.before?.deploymentId, said.deploymentId)
  return said
}

export function completePort(said: SaidPort, around: Around<'ovn_port'>): Fields['ovn_port'] {
  const { draft, read, id, before } = around
  const on = named(around, 'switch_id', 'ovn_switch', said.switchId)
  unchanged(read, 'switch_id', before?.switchId, said.switchId)
  const family = on?.cidr?.includes(':')
  const strange = said.addresses.find((address) => on?.cidr && address.includes(':') === family && !inSomeCidr([on.cidr], address)) // prettier-ignore
  if (strange !== undefined) read.object('addresses', `${strange} lies outside the switch’s ${on?.cidr}`)
  const taken = () => new Set([...draft.all('ovn_port').values()].filter((port) => port.switchId === said.switchId && port.id !== id).map(({ mac }) => mac)) // prettier-ignore
  return { ...said, mac: said.mac ?? before?.mac ?? macOf(id, taken()) }
}

export function completeAcl(said: Fields['ovn_acl'], around: Around<'ovn_acl'>): Fields['ovn_acl'] {
  named(around, 'switch_id', 'ovn_switch', said.switchId)
  const port = named(around, 'match.port_id', 'ovn_port', said.portId)
  if (port && port.switchId !== said.switchId) around.read.object('match.port_id', `${port.name} is on another switch`)
  return said
}
