import type { Problem } from '../../plan.ts'
import type { Member, PortMapping, Prefix } from '../../world.ts'
import { bare } from '../names.ts'
import { holdersOf, isHub, type NetworkIndex, type WorldIndex } from '../world-index.ts'
import { chain } from './chains.ts'
import { isV4, prefixSet } from './selectors.ts'

/** What one member translates: text for the table, and lines for its chains of NAT. */
export type Nat = {
  readonly text: string
  readonly prerouting: string
  readonly postrouting: string
  /** The ports it takes, as `tcp 8443`. */
  readonly ports: ReadonlyMap<string, PortMapping>
}

type Target = { readonly address: string; readonly isV4: boolean }

/**
 * The mappings of a member: what is sent to a port of its node goes on inside. Guards come in a fixed order, sources, then
 * connections, then rate; the firewall judges what was translated as it does everything else, by the address it came from.
 *
 * What was translated leaves with the member's own address, since nobody inside knows a way back to whoever sent it.
 */
export function natOf(index: WorldIndex, its: NetworkIndex, member: Member, wire: string): Nat | undefined {
  const mappings = its.mappings.filter(({ memberId }) => memberId === member.id)
  const usable = mappings.flatMap((mapping) => {
    const target = isHub(member) ? targetOf(index, its, mapping) : undefined
    return target ? [{ mapping, target }] : []
  })
  if (usable.length === 0) return undefined
  const back = usable.some(({ target }) => !target.isV4)
  return {
    text: usable.map(({ mapping, target }) => guarded(mapping, target)).join(''),
    prerouting: usable.map(({ mapping, target }) => dispatch(mapping, target)).join(''),
    postrouting: back
      ? `\t\toifname "${wire}" meta nfproto ipv6 ct status dnat counter snat ip6 to ${member.address}\n`
      : '',
    ports: new Map(usable.map(({ mapping }) => [`${mapping.protocol} ${mapping.listenPort}`, mapping])),
  }
}

/** Only what is meant for the node itself: what it passes on for others keeps its way. */
function dispatch({ id, protocol, listenPort }: PortMapping, target: Target): string {
  const family = target.isV4 ? 'ipv4' : 'ipv6'
  return `\t\tfib daddr type local meta nfproto ${family} ${protocol} dport ${listenPort} jump map_${bare(id)}\n`
}

function guarded(mapping: PortMapping, target: Target): string {
  const { id, protocol, listenPort, targetPort, sourceCidrs, maxConnections, rateLimit } = mapping
  const from = sourceCidrs.filter((cidr) => isV4(cidr) === target.isV4)
  const name = `map_${bare(id)}`
  const drop = (what: string): string => `\t\t${what}counter drop comment "${id}"\n`
  const family = target.isV4 ? 'ip' : 'ip6'
  const at = target.isV4 ? target.address : `[${target.address}]`
  const lines = [
    // Sources of the other family alone: nobody may come in by this one.
    sourceCidrs.length > 0 && from.length === 0 ? drop('') : '',
    from.length > 0 ? drop(`${family} saddr != @${name}_from `) : '',
    maxConnections === undefined ? '' : drop(`ct count over ${maxConnections} `),
    rateLimit === undefined ? '' : drop(`limit rate over ${rateLimit}/second burst ${rateLimit} packets `),
    `\t\t${protocol} dport ${listenPort} counter dnat ${family} to ${at}:${targetPort} comment "${id}"\n`,
  ]
  return (from.length > 0 ? prefixSet(`${name}_from`, from) : '') + chain(name, lines.join(''))
}

function targetOf(index: WorldIndex, its: NetworkIndex, { target }: PortMapping): Target | undefined {
  if (target.kind === 'member') {
    const member = its.members.find(({ id }) => id === target.id)
    return member && { address: member.address, isV4: false }
  }
  const virtualIp = its.virtualIps.find(({ id }) => id === target.id)
  if (!virtualIp || holdersOf(index, virtualIp).length === 0) return undefined
  return { address: addressIn(virtualIp.cidr), isV4: isV4(virtualIp.cidr) }
}

const addressIn = (cidr: Prefix): string => cidr.split('/')[0] ?? ''

/** Mappings that come to nothing, and why. */
export function natProblems(index: WorldIndex, its: NetworkIndex): readonly Problem[] {
  return its.mappings.flatMap((mapping): Problem[] => {
    const record = `port_mapping/${mapping.id}`
    const member = index.members.get(mapping.memberId)
    if (!member || !isHub(member)) {
      const message = 'its member is not publicly reachable with an endpoint: nobody comes to it'
      return [{ fatal: true, code: 'MAPPING_WITHOUT_HUB', record, message }]
    }
    const target = targetOf(index, its, mapping)
    if (!target) {
      const isVirtual =
        mapping.target.kind === 'virtual_ip' && its.virtualIps.some(({ id }) => id === mapping.target.id)
      const message = isVirtual
        ? 'nobody holds the virtual IP that it goes to'
        : 'what it goes to is not in its network'
      return [{ fatal: !isVirtual, code: 'MAPPING_WITHOUT_TARGET', record, message }]
    }
    if (!target.isV4) return []
    const message =
      'an IPv4 target is answered only to sources that are routed inside: its member has no IPv4 address there'
    return [{ fatal: false, code: 'MAPPING_INSIDE_ONLY', record, message }]
  })
}
