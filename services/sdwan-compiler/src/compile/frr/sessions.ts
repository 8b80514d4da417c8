import type { Member } from '../../world.ts'
import { isMesh } from '../network-facts.ts'
import type { NetworkIndex } from '../world-index.ts'

/** With whom a member speaks iBGP in its network. */
export type Sessions = {
  readonly reflects: boolean
  /** Whose routes it reflects: each may announce what is its own, and nothing else. */
  readonly clients: readonly Member[]
  /** Reflectors: what they pass on has been looked at by one of them. */
  readonly reflectors: readonly Member[]
  /** Without a reflector: everybody else, each of whom may announce what is its own. */
  readonly others: readonly Member[]
}

/** A mesh so small that everybody speaks with everybody. */
const MOST_WITHOUT_REFLECTOR = 8
const REFLECTORS_OF_A_MESH = 2

/**
 * Who reflects routes: the hubs, the first so many by id where the network caps them. A hub that is said to be a client does not,
 * unless there is no other. A full mesh without a hub takes its first members, or nobody while it is small.
 */
export function reflectorsOf(its: NetworkIndex): readonly Member[] {
  const { network, hubs, keyed } = its
  const willing = hubs.filter(({ routeReflectorClient }) => !routeReflectorClient)
  const candidates = willing.length > 0 ? willing : hubs
  const most = network.routeReflectors === 0 ? candidates.length : network.routeReflectors
  if (candidates.length > 0) return candidates.slice(0, most)
  if (!isMesh(its) || keyed.length <= MOST_WITHOUT_REFLECTOR) return NOBODY
  return keyed.slice(0, network.routeReflectors || REFLECTORS_OF_A_MESH)
}

export function sessionsOf(its: NetworkIndex, member: Member): Sessions {
  const reflectors = reflectorsOf(its)
  const others = () => its.keyed.filter((each) => each.id !== member.id)
  if (!reflectors.includes(member)) {
    const everybody = reflectors.length === 0 && isMesh(its)
    return { reflects: false, clients: NOBODY, reflectors, others: everybody ? others() : NOBODY }
  }
  const reflecting = new Set(reflectors)
  return {
    reflects: true,
    clients: others().filter((each) => !reflecting.has(each)),
    reflectors: reflectors.filter((each) => each !== member),
    others: NOBODY,
  }
}

const NOBODY: readonly Member[] = []
