import type { Problem } from '../../plan.ts'
import type { RouteLeak } from '../../world.ts'
import { isWhole } from '../alphabets.ts'
import { GREATEST_AS_NUMBER, isRouterId, lacksRouterId } from '../frr/numbers.ts'
import { whyUnwritable } from '../frr/statements.ts'
import { permitsNothing, whyUnreadable } from '../leaked.ts'
import { speaksBgp } from '../network-facts.ts'
import type { NetworkIndex, WorldIndex } from '../world-index.ts'

/** What of routing by BGP cannot be as it is wanted. */
export function routingProblems(index: WorldIndex): readonly Problem[] {
  const { routePolicies, routeLeaks, networks } = index
  if (routePolicies.length + routeLeaks.length === 0 && ![...networks.values()].some(isRouted)) return []
  return [...platformProblems(index), ...memberProblems(index), ...policyProblems(index), ...leakProblems(index), ...crossingProblems(index)] // prettier-ignore
}

const isRouted = ({ network, crossings }: NetworkIndex): boolean =>
  network.routingProtocol === 'ibgp' || crossings.length > 0

function platformProblems({ world, routePolicies, networks }: WorldIndex): readonly Problem[] {
  const { enabled, defaultRoutePolicyId } = world.platform.bgp
  const record = 'account_bgp'
  const missing = defaultRoutePolicyId !== undefined && routePolicies.every(({ id }) => id !== defaultRoutePolicyId)
  const message = `the default policy ${defaultRoutePolicyId} is not there, or is disabled: what it kept out would come in`
  const off = [...networks.values()].filter(({ network }) => network.routingProtocol === 'ibgp' && !enabled)
  return [
    ...(missing ? [{ fatal: true, code: 'DEFAULT_POLICY_MISSING', record, message }] : []),
    ...off.map(({ network }) => {
      const message = `${network.slug} wants iBGP, and BGP is switched off: its routes are static`
      return { fatal: false, code: 'BGP_DISABLED', record: `network/${network.id}`, message }
    }),
  ]
}

function memberProblems(index: WorldIndex): readonly Problem[] {
  const first = new Map<string, string>()
  return index.everybody.flatMap((member): Problem[] => {
    const { id, name, routerIdOverride: chosen } = member
    const record = `member/${id}`
    if (chosen === undefined) {
      const its = index.networks.get(member.networkId)
      if (!lacksRouterId(index.world.platform.bgp, member) || !its || !speaksBgp(index, its)) return []
      const message = `${name} has no router id chosen for it: one is derived`
      return [{ fatal: false, code: 'ROUTER_ID_DERIVED', record, message }]
    }
    if (!isRouterId(chosen)) return [{ fatal: true, code: 'ROUTER_ID', record, message: `the router id of ${name} is none` }] // prettier-ignore
    const other = first.get(chosen)
    if (other === undefined) first.set(chosen, record)
    const message = `${name} has the router id ${chosen} of ${other}: they would drop each other's routes`
    return other === undefined ? [] : [{ fatal: true, code: 'ROUTER_ID_TWICE', record, message }]
  })
}

function policyProblems({ routePolicies, networks, members }: WorldIndex): readonly Problem[] {
  return routePolicies.flatMap((policy): Problem[] => {
    const record = `route_policy/${policy.id}`
    const why = whyUnwritable(policy)
    if (why !== undefined) return [{ fatal: true, code: 'POLICY_UNWRITABLE', record, message: `${policy.name}: ${why}` }] // prettier-ignore
    const { scope } = policy
    const bound =
      scope.kind === 'account' || (scope.kind === 'network' ? networks : members).get(scope.id) !== undefined
    const message = `${policy.name} is for a ${scope.kind} that is not there`
    return bound ? [] : [{ fatal: false, code: 'POLICY_UNBOUND', record, message }]
  })
}

/** A leak goes from table to table, by whoever is in both networks. */
function leakProblems(index: WorldIndex): readonly Problem[] {
  return index.routeLeaks.flatMap((leak): Problem[] => {
    const say = (fatal: boolean, code: string, message: string): Problem[] => [
      { fatal, code, record: `route_leak/${leak.id}`, message },
    ]
    const why = whyUnreadable(leak)
    if (why !== undefined) return say(true, 'LEAK_UNWRITABLE', why)
    const ends = [leak.sourceNetworkId, leak.destNetworkId].map((id) => index.networks.get(id))
    const [source, dest] = ends
    if (!source || !dest) return say(false, 'LEAK_WITHOUT_END', 'one of its networks is not there')
    if (!speaksBgp(index, source) || !speaksBgp(index, dest)) {
      return say(true, 'LEAK_NEEDS_BGP', 'routes leak between networks that speak iBGP')
    }
    if (ends.every((each) => each?.network.isolation === 'shared')) {
      return say(true, 'LEAK_NEEDS_TABLE', 'both networks are in the main table: one of them needs a table of its own')
    }
    const nodes = new Set(source.keyed.map(({ nodeId }) => nodeId))
    if (!dest.keyed.some(({ nodeId }) => nodes.has(nodeId))) {
      return say(false, 'LEAK_WITHOUT_NODE', 'no node is in both networks')
    }
    if (permitsNothing(leak)) return say(false, 'LEAK_PERMITS_NOTHING', 'its filter denies and permits nothing')
    const alone = !leak.bidirectional && !index.routeLeaks.some((other) => leadsBack(leak, other))
    const main = (leak.bidirectional ? ends : [source]).find((each) => each?.network.isolation === 'shared')
    const ownOf = `${main?.network.slug} is in the main table: what the node that carries the leak has there itself, its addresses and LANs, is not reached from the other` // prettier-ignore
    return [
      ...(alone ? say(false, 'LEAK_ONE_WAY', 'nothing leaks back: what is asked this way is not answered') : []),
      ...(main ? say(false, 'LEAK_FROM_MAIN', ownOf) : []),
    ]
  })
}

const leadsBack = ({ sourceNetworkId, destNetworkId }: RouteLeak, other: RouteLeak): boolean =>
  (other.sourceNetworkId === destNetworkId && other.destNetworkId === sourceNetworkId) ||
  (other.bidirectional && other.sourceNetworkId === sourceNetworkId && other.destNetworkId === destNetworkId)

function crossingProblems({ world, networks }: WorldIndex): readonly Problem[] {
  const { enabled, asNumber } = world.platform.bgp
  if (!enabled) return []
  return [...networks.values()].flatMap(({ crossings }) =>
    crossings
      .filter(({ remote }) =>
        remote.some((each) => each.asNumber === asNumber || !isWhole(each.asNumber, 1, GREATEST_AS_NUMBER)),
      ) // prettier-ignore
      .map(({ peerId }) => {
        const message = `the peer has our AS number ${asNumber}, or none: no routes are exchanged with that end`
        return { fatal: false, code: 'SAME_AS_NUMBER', record: `crossing/${peerId}`, message }
      }),
  )
}
