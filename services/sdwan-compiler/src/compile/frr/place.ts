import type { Crossing, Id, Member } from '../../world.ts'
import { isWhole } from '../alphabets.ts'
import { speaksBgp } from '../network-facts.ts'
import { vrfOf, type NetworkIndex, type WorldIndex } from '../world-index.ts'
import { GREATEST_AS_NUMBER } from './numbers.ts'

/** A member of a node that speaks BGP, and in which of the node's tables. */
export type Speaker = {
  readonly its: NetworkIndex
  readonly member: Member
  /** Undefined: the main table. */
  readonly vrfName: string | undefined
  /** Whether there is iBGP in its network. */
  readonly inside: boolean
  /** Roads to federation peers that begin at this member. */
  readonly crossings: readonly Crossing[]
}

/** Who of a node speaks BGP: members of ibgp networks and gateways. By id; none while BGP is off. */
export function speakersOn(index: WorldIndex, nodeId: Id): readonly Speaker[] {
  const { enabled, asNumber } = index.world.platform.bgp
  if (!enabled || !isWhole(asNumber, 1, GREATEST_AS_NUMBER)) return []
  return (index.nodes.get(nodeId) ?? []).flatMap((member) => {
    const its = index.networks.get(member.networkId)
    if (!its || member.publicKey === undefined) return []
    const vrfName = vrfOf(index, nodeId, member.networkId)?.vrfName
    const placed = its.network.isolation === 'shared' || vrfName !== undefined
    const inside = speaksBgp(index, its)
    const crossings = crossingsAt(its, member, asNumber)
    return placed && (inside || crossings.length > 0) ? [{ its, member, vrfName, inside, crossings }] : []
  })
}

/** Crossings with somebody at the other end, whom we can tell from ourselves. */
const crossingsAt = (its: NetworkIndex, member: Member, asNumber: number): readonly Crossing[] =>
  its.crossings.filter((crossing) => isGateway(crossing, member) && remotesOf(crossing, asNumber).length > 0)

export const isGateway = ({ gateways }: Crossing, { id }: Member): boolean =>
  gateways.some(({ memberId }) => memberId === id)

/** Ends of the other side that can be spoken with. With our own AS number a session would be one inside, with everything we have. */
export const remotesOf = ({ remote }: Crossing, asNumber: number): Crossing['remote'] =>
  remote.filter((each) => isWhole(each.asNumber, 1, GREATEST_AS_NUMBER) && each.asNumber !== asNumber) // prettier-ignore
