import { Refusal } from '@powernode/rpc'
import type { Draft } from './intent.ts'
import type { Kind, RecordOf } from './records.ts'
import { anyOf, calledOf } from './to-wire.ts'

type Key<K extends Kind> = { readonly what: string; readonly of: (record: RecordOf<K>) => string | undefined }

/** What no two records of a kind may share. The database says the same; here it is said with a name. */
const KEYS: { readonly [K in Kind]?: readonly Key<K>[] } = {
  network: [
    { what: 'name', of: ({ name }) => name },
    { what: 'slug', of: ({ slug }) => slug },
    { what: 'tenant', of: ({ tenantKey }) => tenantKey ?? undefined },
  ],
  member: [
    { what: 'node in its network', of: ({ networkId, nodeId }) => `${networkId} ${nodeId}` },
    { what: 'name in its network', of: ({ networkId, name }) => `${networkId} ${name}` },
    { what: 'listen port on its node', of: ({ nodeId, listenPort }) => `${nodeId} ${listenPort}` },
    { what: 'public key', of: ({ publicKey }) => publicKey ?? undefined },
    { what: 'address', of: ({ address }) => address },
  ],
  virtual_ip: [
    { what: 'name in its network', of: ({ networkId, name }) => `${networkId} ${name}` },
    { what: 'address', of: ({ cidr }) => cidr },
  ],
  firewall_rule: [{ what: 'name in its network', of: ({ networkId, name }) => `${networkId} ${name}` }],
  port_mapping: [
    { what: 'port of its hub', of: ({ memberId, listenPort, protocol }) => `${memberId} ${protocol} ${listenPort}` },
  ],
  route_policy: [{ what: 'name', of: ({ name }) => name }],
  route_leak: [
    { what: 'two networks', of: (leak) => `${leak.sourceNetworkId} ${leak.destNetworkId} ${leak.direction}` },
  ],
  account_bgp: [{ what: 'account', of: () => 'ours' }],
  ovn_deployment: [{ what: 'name', of: ({ name }) => name }],
  ovn_switch: [{ what: 'name in its deployment', of: ({ deploymentId, name }) => `${deploymentId} ${name}` }],
  ovn_port: [
    { what: 'name on its switch', of: ({ switchId, name }) => `${switchId} ${name}` },
    { what: 'MAC address on its switch', of: ({ switchId, mac }) => `${switchId} ${mac}` },
  ],
  ovn_acl: [
    { what: 'name on its switch', of: ({ switchId, name }) => `${switchId} ${name}` },
    {
      what: 'priority among the active ones of its switch and direction',
      of: (acl) => (acl.state === 'active' ? `${acl.switchId} ${acl.direction} ${acl.priority}` : undefined),
    },
  ],
  prefix_access: [{ what: 'peer', of: ({ peerId }) => peerId }],
  test: [{ what: 'name', of: ({ name }) => name }],
}

/** Refuses when two records of a touched kind say what only one may. Asked once, when a change is complete: names can be exchanged. */
export function refuseDoubles(draft: Draft): void {
  for (const kind of draft.touched) refuseIn(draft, kind)
}

function refuseIn<K extends Kind>(draft: Draft, kind: K): void {
  const keys: readonly Key<K>[] = KEYS[kind] ?? []
  for (const { what, of } of keys) {
    const holders = new Map<string, string>()
    for (const record of draft.all(kind).values()) {
      const key = of(record)
      if (key === undefined) continue
      const other = holders.get(key)
      if (other !== undefined)
        throw new Refusal('INTENT_EXISTS', doubled(kind, what, draft.get(kind, other)), {
          metadata: { kind, id: other },
          next: 'take another, or change the one that is there',
        })
      holders.set(key, record.id)
    }
  }
}

const doubled = <K extends Kind>(kind: K, what: string, record: RecordOf<K> | undefined): string =>
  `there is a ${kind.replaceAll('_', ' ')} with this ${what} already${record ? `: ${calledOf(anyOf(kind, record))}` : ''}`
