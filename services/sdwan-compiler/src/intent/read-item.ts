import type { Item } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import type { Stamp } from '@powernode/proto/powernode/sdwan/v1/stamp_pb.ts'
import { Refusal } from '@powernode/rpc'
import { completeAccess, completeBgp, completeLeak, completePolicy } from './complete/routing.ts'
import { completeAcl, completePort, completeSwitch } from './complete/ovn.ts'
import { completeMapping, completeRule, completeVirtualIp } from './complete/rules.ts'
import { completeMember, completeNetwork, completeVrf } from './complete/networks.ts'
import type { Around } from './complete/around.ts'
import type { Reading } from './reading.ts'
import type { Fields, Kind } from './records.ts'
import { readAcl, readDeployment, readPort, readSwitch } from './wire/ovn.ts'
import { readMember, readNetwork, readVrf } from './wire/networks.ts'
import { readAccess, readBgp, readLeak, readPolicy } from './wire/routing.ts'
import { readMapping, readRule, readTest, readVirtualIp } from './wire/rules.ts'

/** A record that somebody wants written: read by its types; what needs the records beside it waits for its turn. */
export type Put<K extends Kind = Kind> = {
  readonly kind: K
  /** Empty: it is to be created, under an id of ours. */
  readonly id: string
  /** That it is to be of, or 0 for any. */
  readonly version: number
  readonly complete: (around: Around<K>) => Fields[K]
}

/** Reads one item; what is wrong with it is noted in `read`. */
export function readItem({ kind: item }: Item, read: Reading): Put {
  switch (item.case) {
    case 'network':
      return put('network', item.value, { read, by: readNetwork, whole: completeNetwork })
    case 'member':
      return put('member', item.value, { read, by: readMember, whole: completeMember })
    case 'firewallRule':
      return put('firewall_rule', item.value, { read, by: readRule, whole: completeRule })
    case 'portMapping':
      return put('port_mapping', item.value, { read, by: readMapping, whole: completeMapping })
    case 'virtualIp':
      return put('virtual_ip', item.value, { read, by: readVirtualIp, whole: completeVirtualIp })
    case 'routePolicy':
      return put('route_policy', item.value, { read, by: readPolicy, whole: completePolicy })
    case 'routeLeak':
      return put('route_leak', item.value, { read, by: readLeak, whole: completeLeak })
    case 'accountBgp':
      return put('account_bgp', item.value, { read, by: readBgp, whole: completeBgp })
    case 'vrfAssignment':
      return put('vrf_assignment', item.value, { read, by: readVrf, whole: completeVrf })
    case 'ovnDeployment':
      return put('ovn_deployment', item.value, { read, by: readDeployment, whole: asSaid })
    case 'ovnSwitch':
      return put('ovn_switch', item.value, { read, by: readSwitch, whole: completeSwitch })
    case 'ovnPort':
      return put('ovn_port', item.value, { read, by: readPort, whole: completePort })
    case 'ovnAcl':
      return put('ovn_acl', item.value, { read, by: readAcl, whole: completeAcl })
    case 'prefixAccess':
      return put('prefix_access', item.value, { read, by: readAccess, whole: completeAccess })
    case 'test':
      return put('test', item.value, { read, by: readTest, whole: asSaid })
    default:
      throw new Refusal('INTENT_INVALID', 'a put holds one record')
  }
}

type Wire = { readonly id: string; readonly stamp?: Stamp | undefined }

// oxlint-disable-next-line max-params -- a kind, what was said of it, and the two halves of reading it
function put<K extends Kind, W extends Wire, Said>(
  kind: K,
  said: W,
  { read, by, whole }: { read: Reading; by: (said: W, read: Reading) => Said; whole: (said: Said, around: Around<K>) => Fields[K] }, // prettier-ignore
): Put {
  const inside = read.in(kind)
  if (said.id !== '') inside.text('id', said.id, 'id')
  const fields = by(said, inside)
  const wanted: Put<K> = { kind, id: said.id, version: Number(said.stamp?.version ?? 0), complete: (around) => whole(fields, around) } // prettier-ignore
  return wanted as unknown as Put // of one kind
}

const asSaid = <Said>(said: Said): Said => said
