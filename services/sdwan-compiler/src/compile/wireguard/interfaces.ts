import type { WireGuardInterface } from '../../plan.ts'
import type { Member } from '../../world.ts'
import { kept, keptRecord, Memo } from '../memo.ts'
import { isGateway, isMesh, routesFor, type NetworkFacts } from '../network-facts.ts'
import { isHub, vrfOf } from '../world-index.ts'
import { interfaceHead } from './config.ts'
import { crossingInterface } from './crossing.ts'
import { FullMesh } from './full-mesh.ts'
import { HubAndSpoke } from './hub-and-spoke.ts'
import { wordsOf, type Tunnel } from './tunnel.ts'

type Preshared = WireGuardInterface['preshared']
type Known = readonly WireGuardInterface[] | undefined

/** The interfaces of a network's members. One for each network. */
export class Interfaces {
  readonly #mesh = new FullMesh()
  readonly #hubs = new HubAndSpoke()
  readonly #crossings = new Memo<WireGuardInterface>()

  /**
   * Gives the interfaces of a member: its own first, then those of crossings by the peer's id. Those that are as they were
   * known are the very same.
   */
  prepare(facts: NetworkFacts): (member: Member, known: Known) => readonly WireGuardInterface[] {
    this.#crossings.forgetOthers()
    const tunnelOf = isMesh(facts.its) ? this.#mesh.prepare(facts) : this.#hubs.prepare(facts)
    return (member, known) => {
      const tunnel = tunnelOf(member)
      const { interface: name, linkLocal } = facts.namesOf(member.id)
      const own: WireGuardInterface = {
        name,
        owner: known?.[0]?.owner ?? { kind: 'member', memberId: member.id },
        addresses: kept(known?.[0]?.addresses, [`${member.address}/128`, `${linkLocal}/64`]),
        mtu: facts.its.network.mtu,
        listenPort: member.listenPort,
        config: interfaceHead(member.listenPort) + tunnel.peers,
        preshared: presharedOf(facts, member),
        vrfName: vrfOf(facts.index, member.nodeId, member.networkId)?.vrfName,
        routes: kept(known?.[0]?.routes, routesFor(facts, member.id)),
        standby: kept(known?.[0]?.standby, tunnel.standby),
      }
      return kept(known, [marked(known?.[0], own, tunnel), ...this.#crossingsOf(facts, member)])
    }
  }

  #crossingsOf({ index, its }: NetworkFacts, member: Member): readonly WireGuardInterface[] {
    return its.crossings
      .filter((crossing) => isGateway(crossing, member))
      .map((crossing) => {
        const vrf = vrfOf(index, member.nodeId, member.networkId)
        const inputs = [crossing, member, its.network, index.world.platform.bgp.enabled, vrf?.vrfName]
        const key = `${crossing.peerId}/${member.id}`
        return this.#crossings.of(key, inputs, () => crossingInterface(index, crossing, member))
      })
  }
}

const marks = new WeakMap<WireGuardInterface, string>()

/** The interface before, if it is the same; with the mark of its configuration. */
function marked(before: WireGuardInterface | undefined, own: WireGuardInterface, { mark }: Tunnel): WireGuardInterface {
  const known = before && marks.get(before)
  if (mark === undefined) return known === undefined ? keptRecord(before, own) : own
  if (before && known === mark) {
    // The port stands in the configuration too, and is compared by itself.
    if (keptRecord(before, { ...own, config: before.config }) === before) return before
  }
  marks.set(own, mark)
  return own
}

/** What stands for an interface's configuration and standby in the version of its node. */
export const markOf = (its: WireGuardInterface): string => marks.get(its) ?? `${its.config}\n${wordsOf(its.standby)}`

function presharedOf({ its }: NetworkFacts, member: Member): Preshared {
  if (!its.network.presharedKeys) return NO_KEYS
  const { keyGeneration = 1 } = its.network
  const anew = keyGeneration > 1 ? `/${keyGeneration}` : ''
  const others = isMesh(its) || isHub(member) ? its.keyed : its.hubs
  return others
    .filter(({ id }) => id !== member.id)
    .map(({ id, publicKey = '' }) => ({
      publicKey,
      pair: `${id < member.id ? `${id}/${member.id}` : `${member.id}/${id}`}${anew}`,
    }))
}

const NO_KEYS: Preshared = []
