import type { World } from '../world.ts'
import { portsOf } from './as-world.ts'
import type { Intent } from './intent.ts'
import type { RecordOf } from './records.ts'

const deployments = new WeakMap<object, WeakMap<object, WeakMap<object, WeakMap<object, World['ovn']>>>>()

/** All of OVN is one text: made anew when anything of it is another. */
export function deploymentsOf({ ovn_deployment, ovn_switch, ovn_port, ovn_acl }: Intent): World['ovn'] {
  const bySwitches = getOrMake(deployments, ovn_deployment)
  const byPorts = getOrMake(bySwitches, ovn_switch)
  const byAcls = getOrMake(byPorts, ovn_port)
  const known = byAcls.get(ovn_acl)
  if (known) return known
  const made = [...ovn_deployment.values()]
    .filter(({ status }) => status !== 'pending')
    .map(({ id, nbEndpoint, nodeId }) => ({
      id,
      nbEndpoint: nbEndpoint ?? '',
      nodeId: nodeId ?? undefined,
      switches: [...ovn_switch.values()].filter(({ deploymentId, state }) => deploymentId === id && state === 'active').map(({ id: switchId, name, cidr, networkId }) => ({
        id: switchId,
        name,
        cidr: cidr ?? undefined,
        networkId: networkId ?? undefined,
        ports: [...ovn_port.values()].filter((port) => port.switchId === switchId && port.state === 'active').map((port) => ({ id: port.id, name: port.name, kind: port.kind, mac: port.mac, addresses: port.addresses })),
        acls: [...ovn_acl.values()].filter((acl) => acl.switchId === switchId && acl.state === 'active').map(aclOf),
      })),
    })) // prettier-ignore
  byAcls.set(ovn_acl, made)
  return made
}

const aclOf = (acl: RecordOf<'ovn_acl'>) => ({
  id: acl.id,
  name: acl.name,
  direction: acl.direction,
  priority: acl.priority,
  action: acl.action,
  match: {
    family: acl.family,
    src: acl.src === null ? undefined : { cidr: acl.src, not: acl.srcNot },
    dst: acl.dst === null ? undefined : { cidr: acl.dst, not: acl.dstNot },
    protocol: acl.protocol,
    dstPorts: portsOf(acl),
    portId: acl.portId ?? undefined,
  },
})

function getOrMake<Value extends object>(map: WeakMap<object, Value>, key: object): Value {
  const known = map.get(key)
  if (known) return known
  const made = new WeakMap() as unknown as Value // every level of the maps above is one
  map.set(key, made)
  return made
}
