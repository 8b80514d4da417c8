import { hash } from 'node:crypto'
import type { NodePlan, NodeTest, OvnEnding, OvnPlan, WireGuardInterface } from '../plan.ts'
import type { Id, VrfAssignment } from '../world.ts'
import type { MemberPart } from './network.ts'
import { scriptOf } from './nftables/script.ts'
import { markOf } from './wireguard/interfaces.ts'

/** Everything that one node is made of. */
export type NodeParts = {
  readonly nodeId: Id
  readonly parts: readonly MemberPart[]
  readonly frr: string
  readonly vrfs: readonly VrfAssignment[]
  readonly ovn: OvnPlan | undefined
  readonly ovnEndings: readonly OvnEnding[]
  readonly tests: readonly NodeTest[]
}

export function nodePlan({ nodeId, parts, frr, vrfs, ovn, ovnEndings, tests }: NodeParts): NodePlan {
  const plan = {
    nodeId,
    interfaces: parts.flatMap(({ interfaces }) => interfaces),
    nftables: scriptOf(
      parts.map(({ firewall }) => firewall),
      parts.flatMap(({ nat }) => (nat ? [nat] : [])),
    ),
    frr,
    vrfs: vrfs.map(({ vrfName, tableId }) => ({ name: vrfName, tableId })).toSorted((a, b) => a.tableId - b.tableId),
    heldAddresses: parts.flatMap(({ held }) => held),
    ovn,
    ovnEndings,
    tests,
  }
  return { ...plan, version: versionOf(plan, parts) }
}

/**
 * SHA-256 over everything, each text with its length before it: no two plans are written alike. Texts that many nodes share are
 * in it by their digests.
 */
function versionOf(plan: Omit<NodePlan, 'version'>, parts: readonly MemberPart[]): string {
  let all = ''
  const add = (text: string): void => {
    all += `${text.length} ${text}`
  }
  add(plan.nodeId)
  for (const its of plan.interfaces) {
    add(markOf(its))
    add(written(its.routes))
    add(presharedText(its))
    const { name, owner, addresses, mtu, listenPort, vrfName } = its
    add(JSON.stringify([name, owner, addresses, mtu, listenPort, vrfName ?? null]))
  }
  for (const { firewall, nat } of parts) {
    add(firewall.self)
    add(firewall.body.digest)
    const { doors, interfaces, vrfName, zone, cidr, own, lans, pods, leaks } = firewall
    add(JSON.stringify([doors, interfaces, vrfName, zone, cidr, own, lans, pods, leaks]))
    add(nat ? JSON.stringify([nat.text, nat.prerouting, nat.postrouting]) : '')
  }
  add(plan.frr)
  add(JSON.stringify([plan.vrfs, plan.heldAddresses, plan.ovn ?? null, plan.tests]))
  if (plan.ovnEndings.length > 0) add(JSON.stringify(plan.ovnEndings))
  return hash('sha256', all)
}

/** Lists that many nodes share are written once. */
const texts = new WeakMap<object, string>()

function written(value: object): string {
  const known = texts.get(value)
  if (known !== undefined) return known
  const text = JSON.stringify(value)
  texts.set(value, text)
  return text
}

const presharedText = ({ preshared }: WireGuardInterface): string =>
  preshared.map(({ publicKey, pair }) => `${publicKey} ${pair}`).join('\n')
