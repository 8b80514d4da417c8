import type { Id, Member } from '../world.ts'
import { leakedIn } from './destinations.ts'
import { routerIds } from './frr/numbers.ts'
import { reflectorsOf } from './frr/sessions.ts'
import { kept } from './memo.ts'
import { holdersOf, vrfOf, type NetworkIndex, type WorldIndex } from './world-index.ts'

type Shared = { readonly its: NetworkIndex; readonly reflectors: readonly Member[]; readonly shared: readonly unknown[] } // prettier-ignore

/**
 * Everything that the frr.conf of a node is made of: while all of it is the same, so is the text. A spoke knows its reflectors
 * and itself; only who has sessions with everybody knows everybody.
 */
export class FrrInputs {
  #ids: { readonly members: readonly Member[]; readonly byMember: ReadonlyMap<Id, string> } | undefined
  #platform: readonly unknown[] = []
  readonly #networks = new Map<Id, Shared>()

  /** None where no BGP is spoken. */
  of(index: WorldIndex, nodeId: Id): readonly unknown[] | undefined {
    const { enabled, asNumber, routerIdStrategy, defaultLocalPref, defaultRoutePolicyId } = index.world.platform.bgp
    if (!enabled || !index.speaks) return undefined
    const members = index.nodes.get(nodeId) ?? []
    const speaking = members.filter(({ networkId }) => {
      const its = index.networks.get(networkId)
      return its?.network.routingProtocol === 'ibgp' || (its?.crossings.length ?? 0) > 0
    })
    if (speaking.length === 0) return undefined
    const { routePolicies, routeLeaks } = index
    const all = [asNumber, routerIdStrategy, defaultLocalPref, defaultRoutePolicyId, routePolicies, routeLeaks]
    this.#platform = kept(this.#platform, all)
    const inputs: unknown[] = [this.#platform, members]
    for (const member of speaking) this.#addInputsOf(index, member, inputs)
    return inputs
  }

  #addInputsOf(index: WorldIndex, member: Member, inputs: unknown[]): void {
    const its = index.networks.get(member.networkId)
    if (!its) return
    const { network, crossings, keyed } = its
    const { shared, reflectors } = this.#networkOf(index, its)
    const isGateway = crossings.some(({ gateways }) => gateways.some(({ memberId }) => memberId === member.id))
    const knowsAll = network.topology === 'full_mesh' || reflectors.includes(member) || isGateway
    inputs.push(shared, member, this.#idOf(index, member), vrfOf(index, member.nodeId, network.id)?.vrfName)
    inputs.push(knowsAll ? keyed : undefined)
    // Who carries what leaks in depends on everybody in both networks.
    inputs.push(leakText(index, its))
  }

  /** What all members of a network have of it: found once for each index, and the very same while it is the same. */
  #networkOf(index: WorldIndex, its: NetworkIndex): Shared {
    const { network, hubs, crossings, virtualIps } = its
    const known = this.#networks.get(network.id)
    if (known?.its === its) return known
    const reflectors = kept(known?.reflectors, reflectorsOf(its))
    const shared = kept(known?.shared, [network, hubs, crossings, virtualIps, reflectors, holdersIn(index, its)])
    const now = { its, reflectors, shared }
    this.#networks.set(network.id, now)
    return now
  }

  /** Of two alike, one moves on to another id: each depends on all. */
  #idOf({ everybody }: WorldIndex, { id }: Member): string | undefined {
    if (this.#ids?.members !== everybody) this.#ids = { members: everybody, byMember: routerIds(everybody) }
    return this.#ids.byMember.get(id)
  }
}

const holders = new WeakMap<NetworkIndex, string>()

/** Who holds which virtual IP: whoever comes next does when the first leaves. */
function holdersIn(index: WorldIndex, its: NetworkIndex): string {
  const known = holders.get(its)
  if (known !== undefined) return known
  const text = its.virtualIps
    .map((each) =>
      holdersOf(index, each)
        .map(({ id }) => id)
        .join(),
    )
    .join(' ')
  holders.set(its, text)
  return text
}

/** What leaks in, and who carries it. */
const leakText = (index: WorldIndex, its: NetworkIndex): string =>
  leakedIn(index, its)
    .map(({ prefix, behind, source }) => `${prefix} ${source} ${behind.map(({ id }) => id).join()}`)
    .join('\n')
