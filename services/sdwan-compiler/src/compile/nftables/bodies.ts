import type { Id } from '../../world.ts'
import { isMesh, type NetworkFacts } from '../network-facts.ts'
import { bgpControl, chain, chainName, crossingControl, crossingEnd, crossingGuards, defaultEnd, ESTABLISHED, LINK, offerSets, type Way } from './chains.ts' // prettier-ignore
import { preciseRules } from './precise.ts'
import { peerSet, setsOf, type End, type MeantRule } from './selectors.ts'
import { textOf, textsOf, type Text } from '../text.ts'

/**
 * The chains of a member that judges everything by name, be it on the way in, through or out: rules of both stages. What a hub
 * sends itself meets the default here too: the spoke that it arrives at takes an accept for some members as one for all.
 */
export function preciseBody(facts: NetworkFacts, meant: readonly MeantRule[], ways: readonly Way[]): Body {
  const { network } = facts.its
  // Behind a VRF device it is AllowedIPs alone that say who came by the crossing: no chain that outgoing packets see may ask.
  const through = (peerId: Id, end: End): string | undefined =>
    ways.find(({ crossing, inVrf }) => crossing.peerId === peerId && !(inVrf && end === 'src'))?.interface
  const stages = stagesOf(network.id, {
    leave: preciseRules(network.id, 'leave', meant, through),
    arrive: preciseRules(network.id, 'arrive', meant, through),
  })
  const control = (where: 'in' | 'fwd' | 'out'): string => (facts.sessions ? bgpControl(network, where) : '')
  const sets = setsOf(network.id, meant, ways.map((way) => way.crossing)) // prettier-ignore
  // In full_mesh whoever it arrives at knows everybody by name.
  const end = isMesh(facts.its) ? '' : defaultEnd(network)
  const judged = (where: 'in' | 'fwd' | 'out'): string =>
    crossingGuards(network, ways, where) + stages.jumps.leave + stages.jumps.arrive + crossingEnd(ways, where)
  return bodyOf(sets, [
    offerSets(network, ways),
    stages.chains,
    chain(
      chainName(network.id, 'in'),
      ESTABLISHED + LINK + control('in') + crossingControl(network, ways, 'in') + judged('in') + defaultEnd(network),
    ),
    // Spokes speak BGP with hubs that another hub carries them to; in full_mesh nobody passes anything on.
    chain(
      chainName(network.id, 'fwd'),
      ESTABLISHED + (isMesh(facts.its) ? '' : control('fwd')) + judged('fwd') + defaultEnd(network),
    ),
    chain(
      chainName(network.id, 'out'),
      ESTABLISHED + LINK + control('out') + crossingControl(network, ways, 'out') + judged('out') + end,
    ),
  ])
}

/** The chains of a spoke: what arrives, for itself or for what lies behind it, and what leaves. */
export function spokeBody(facts: NetworkFacts, lines: { leave: string; arrive: string }): Body {
  const { network, crossings } = facts.its
  const stages = stagesOf(network.id, lines)
  const control = (where: 'in' | 'out'): string => (facts.sessions ? bgpControl(network, where) : '')
  const spoken = crossings.filter(({ peerId }) => (lines.leave + lines.arrive).includes(peerSet(network.id, peerId)))
  return bodyOf(setsOf(network.id, [], spoken), [
    stages.chains,
    chain(chainName(network.id, 'in'), ESTABLISHED + LINK + control('in') + stages.jumps.arrive + defaultEnd(network)),
    chain(chainName(network.id, 'out'), ESTABLISHED + LINK + control('out') + stages.jumps.leave),
  ])
}

/** Sets and chains that many members have. */
export type Body = Text

const bodyOf = (sets: readonly Text[], parts: readonly string[]): Body => textsOf([...sets, textOf(parts.join(''))])

type Stages = { readonly leave: string; readonly arrive: string }

/** A stage without rules has no chain. */
function stagesOf(networkId: Id, lines: Stages): { readonly chains: string; readonly jumps: Stages } {
  const name = { leave: chainName(networkId, 'leave'), arrive: chainName(networkId, 'arrive') }
  const jump = (stage: 'leave' | 'arrive'): string => (lines[stage] === '' ? '' : `\t\tjump ${name[stage]}\n`)
  const written = (stage: 'leave' | 'arrive'): string => (lines[stage] === '' ? '' : chain(name[stage], lines[stage]))
  return {
    chains: written('leave') + written('arrive'),
    jumps: { leave: jump('leave'), arrive: jump('arrive') },
  }
}
