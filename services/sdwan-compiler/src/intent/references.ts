import type { Id } from '../world.ts'
import { KINDS } from './columns.ts'
import type { Draft } from './intent.ts'
import type { AnyRecord, Kind, RecordOf } from './records.ts'

export type Named = { readonly kind: Kind; readonly id: Id }

/** What a record cannot be without: deleted together with it. A rule lives on without the member it names, and matches nothing. */
const OWNERS: { readonly [K in Kind]: (record: RecordOf<K>) => readonly (Named | undefined)[] } = {
  network: () => [],
  member: ({ networkId }) => [to('network', networkId)],
  virtual_ip: ({ networkId }) => [to('network', networkId)],
  firewall_rule: ({ networkId }) => [to('network', networkId)],
  port_mapping: ({ memberId, targetMemberId, targetVirtualIpId }) => [
    to('member', memberId),
    to('member', targetMemberId),
    to('virtual_ip', targetVirtualIpId),
  ],
  route_policy: ({ scopeNetworkId, scopeMemberId }) => [to('network', scopeNetworkId), to('member', scopeMemberId)],
  route_leak: ({ sourceNetworkId, destNetworkId }) => [to('network', sourceNetworkId), to('network', destNetworkId)],
  account_bgp: () => [],
  vrf_assignment: () => [],
  ovn_deployment: () => [],
  ovn_switch: ({ deploymentId, networkId }) => [to('ovn_deployment', deploymentId), to('network', networkId)],
  ovn_port: ({ switchId }) => [to('ovn_switch', switchId)],
  ovn_acl: ({ switchId, portId }) => [to('ovn_switch', switchId), to('ovn_port', portId)],
  prefix_access: ({ networkId }) => [to('network', networkId)],
  test: () => [],
}

const to = (kind: Kind, id: Id | null): Named | undefined => (id === null ? undefined : { kind, id })

/**
 * A record without what it names and is deleted; undefined: it is nothing without. The record itself when it does not name it.
 */
const SHEDDING: { readonly [K in Kind]?: (record: RecordOf<K>, gone: Named) => RecordOf<K> | undefined } = {
  virtual_ip(record, { kind, id }) {
    if (kind !== 'member' || ![...record.holders, ...record.failover].includes(id)) return record
    const holders = record.holders.filter((one) => one !== id)
    const failover = record.failover.filter((one) => one !== id)
    return { ...record, holders, failover, anycast: record.anycast && holders.length >= 2 }
  },
  prefix_access(record, { kind, id }) {
    if (kind !== 'member' || !record.gateways.includes(id)) return record
    const gateways = record.gateways.filter((one) => one !== id)
    return gateways.length > 0 ? { ...record, gateways } : undefined
  },
  account_bgp(record, { kind, id }) {
    if (kind !== 'route_policy' || record.defaultRoutePolicyId !== id) return record
    return { ...record, defaultRoutePolicyId: null }
  },
}

/** What hangs on a record: what goes with it, and what merely lets go of it. */
export type Hanging = { readonly gone: readonly AnyRecord[]; readonly shed: readonly AnyRecord[] }

export function hangingOn(draft: Draft, gone: Named): Hanging {
  const found = { gone: [] as AnyRecord[], shed: [] as AnyRecord[] }
  for (const kind of KINDS) look(draft, kind, gone, found)
  return found
}

// oxlint-disable-next-line max-params -- once for every kind
function look<K extends Kind>(
  draft: Draft,
  kind: K,
  gone: Named,
  found: { gone: AnyRecord[]; shed: AnyRecord[] },
): void {
  const owners: (record: RecordOf<K>) => readonly (Named | undefined)[] = OWNERS[kind]
  const shed: ((record: RecordOf<K>, gone: Named) => RecordOf<K> | undefined) | undefined = SHEDDING[kind]
  for (const record of draft.all(kind).values()) {
    const isOwned = owners(record).some((owner) => owner?.kind === gone.kind && owner.id === gone.id)
    const after = isOwned ? undefined : shed ? shed(record, gone) : record
    if (after === undefined) found.gone.push(any(kind, record))
    else if (after !== record) found.shed.push(any(kind, after))
  }
}

const any = <K extends Kind>(kind: K, record: RecordOf<K>): AnyRecord => ({ kind, record }) as unknown as AnyRecord // of one kind
