import { idFrom } from '../allocate/numbers.ts'
import type { Put } from './read-item.ts'
import type { Kind } from './records.ts'

/** One thing that a change does. */
export type Act =
  | { readonly act: 'put'; readonly put: Put; readonly field: string }
  | { readonly act: 'delete'; readonly kind: Kind; readonly id: string; readonly cascade: boolean }

export type Verb = 'create' | 'update' | 'delete' | 'revoke'

/** Under which policies a kind falls; the source documents call a member a peer. */
const CATEGORY: Readonly<Record<Kind, string>> = {
  network: 'network',
  member: 'peer',
  virtual_ip: 'virtual_ip',
  firewall_rule: 'firewall_rule',
  port_mapping: 'port_mapping',
  route_policy: 'route_policy',
  route_leak: 'route_leak',
  account_bgp: 'account_bgp',
  vrf_assignment: 'vrf',
  ovn_deployment: 'ovn',
  ovn_switch: 'ovn',
  ovn_port: 'ovn',
  ovn_acl: 'ovn',
  prefix_access: 'access_grant',
  test: 'test',
}

export const actionOf = (kind: Kind, verb: Verb): string => `sdwan.${CATEGORY[kind]}_${verb}`

/** Every action that a change of intent may fall under. */
export const ACTIONS: readonly string[] = [
  ...new Set(
    (Object.keys(CATEGORY) as Kind[]).flatMap((kind) =>
      (['create', 'update', 'delete'] as const).map((verb) => actionOf(kind, verb)),
    ),
  ),
  actionOf('prefix_access', 'revoke'),
]

/** The id of the record that is made by the nth act of a request: the same request again makes the same records. */
export const idInRequest = (requestId: string, nth: number): string => idFrom(`${requestId}/${nth}`, requestId)
