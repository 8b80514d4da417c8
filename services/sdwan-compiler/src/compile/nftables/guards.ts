import { cidrHolds, cidrsOverlap } from '@powernode/policy'
import type { Prefix } from '../../world.ts'
import type { Firewall } from './firewall.ts'
import type { Nat } from './nat.ts'
import { cameBy, some } from './interfaces.ts'
import { isV4 } from './selectors.ts'

/** What is dropped whatever rules say, and what has to please a second network too: lines for the chains with hooks. */
export type Guards = {
  readonly input: string
  readonly forward: string
  /** Asked beside the network that a packet came by. */
  readonly both: { readonly input: string; readonly forward: string }
}

/**
 * A node is one machine to all its networks: what came by one of them is at home in the others unless somebody says that it is not.
 * Rules speak of their own network alone, so these lines stand before all rules, and none of them lets anything through.
 */
export function guardsOf(firewalls: readonly Firewall[], nats: readonly Nat[]): Guards {
  const all = firewalls.map((one) => ({ one, others: firewalls.filter((other) => other !== one) }))
  const each = (lines: (firewall: Firewall, others: readonly Firewall[]) => string): string =>
    all.map(({ one, others }) => lines(one, others)).join('')
  const spoofed = each(fromNobody)
  const [here, behind] = [each(toAddresses), each(toLans)]
  const known = (door: 'in' | 'through'): string => each((one) => wasLetIn(one, nats, door))
  return {
    input: fromOutside(firewalls, nats) + spoofed + known('in') + here + behind + each(toElsewhere),
    forward: spoofed + (behind === '' ? '' : known('through')) + behind,
    both: {
      input: each((one, others) => alsoJudged(one, others, 'in')),
      forward: each((one, others) => alsoJudged(one, others, 'through')),
    },
  }
}

/**
 * A node answers at an address by whatever interface it is asked (RFC 1122 section 3.3.4.2, the weak model): a neighbor on its own link
 * would reach what it serves inside, and no rule would have spoken. So an address of the overlay is reached through our
 * interfaces, from the node itself, and from what lies behind it; or because a port mapping has sent it there.
 */
function fromOutside(firewalls: readonly Firewall[], nats: readonly Nat[]): string {
  const ours = firewalls.flatMap(({ interfaces }) => interfaces)
  const behindDevice = firewalls.some(({ inVrf }) => inVrf) ? ` meta sdifname != ${some(ours)}` : ''
  const elsewhere = `iifname != ${some([...ours, 'lo'])}${behindDevice}`
  const lines = firewalls.flatMap((firewall) => {
    const { lans, networkId } = firewall
    return foundBy(firewall).flatMap((address) => {
      const near = lans.filter((lan) => family(lan) === family(address))
      const fromOthers = near.map((lan) => ` ${family(lan)} saddr != ${lan}`).join('')
      // Whoever bears an address of the LAN is of it if the way back leads to where he came from (RFC 3704 section 2.2).
      const inItsName = near.map((lan) => ` ${family(lan)} saddr ${lan} fib saddr . iif oif missing`)
      return [fromOthers, ...inItsName].map((from) => dropped(`${elsewhere} ${daddr(address)}${from}`, `outside ${networkId}`)) // prettier-ignore
    })
  })
  const mapped = nats.length > 0 && lines.length > 0 ? `\t\t${elsewhere} ct status dnat accept\n` : ''
  return mapped + lines.join('')
}

/**
 * Nobody else speaks from an address of the node, nor in the name of a member by another network's tunnel. WireGuard says so too, where
 * AllowedIPs are as they were compiled; a hub's for a spoke are not: its whole network is in a spoke's, and so is the spoke.
 */
function fromNobody(firewall: Firewall, others: readonly Firewall[]): string {
  const { networkId, cidr, came, own: [self] } = firewall // prettier-ignore
  const own = came.map((by) => `${by} ip6 saddr ${self}`)
  const foreign = cameBy(others.filter((other) => !leaks(firewall, other))).map((came) => `${came} ip6 saddr ${cidr}`)
  return [...own, ...foreign].map((line) => dropped(line, `spoofed ${networkId}`)).join('')
}

/** An address of a network is asked by that network's interfaces. Another network's rules would let in whom this one knows nothing of. */
function toAddresses(firewall: Firewall, others: readonly Firewall[]): string {
  const { cidr, networkId } = firewall
  const strangers = others.filter((other) => !leaks(firewall, other))
  return foundBy(firewall)
    .flatMap((address) => {
      // Behind a VRF device the same address may be another one's, unless it lies in the prefix that is this network's alone.
      const isOnly = address.startsWith('@') || cidrHolds(cidr, `${address}/${isV4(address) ? 32 : 128}`)
      const asking = isOnly ? strangers : strangers.filter(({ inVrf }) => !inVrf)
      return cameBy(asking).map((came) => dropped(`${came} ${daddr(address)}`, `foreign ${networkId}`))
    })
    .join('')
}

/** What lies behind the member at this node leaves by no interface of ours: nobody else would ask the network that it belongs to. */
function toLans(firewall: Firewall, others: readonly Firewall[]): string {
  if (firewall.inVrf) return ''
  const strangers = cameBy(others.filter(({ inVrf }) => !inVrf))
  return firewall.lans
    .flatMap((lan) => strangers.map((came) => dropped(`${came} ${daddr(lan)}`, `foreign ${firewall.networkId}`)))
    .join('')
}

/**
 * A node has addresses that are no network's: that of its management, or of another link. The kernel looks for them before it asks the
 * table of a VRF, and rules that name nobody would let a member of any network come for them. What comes by a network is for
 * what that network has here, for the link, or for what leaks into it.
 */
function toElsewhere(firewall: Firewall, others: readonly Firewall[]): string {
  const at = [firewall, ...others.filter((other) => leaks(firewall, other))].flatMap(({ own, lans, pods }) => [...own, ...lans, ...pods]) // prettier-ignore
  const places = [...new Set([...at, ...ON_THE_LINK])]
  const v6 = places.filter((place) => family(place) === 'ip6').map((place) => `ip6 daddr != ${place}`)
  const v4 = places.filter((place) => family(place) === 'ip').map((place) => `ip daddr != ${place}`)
  const lines = [v6.join(' '), v4.length > 0 ? v4.join(' ') : 'meta nfproto ipv4']
  return firewall.came
    .flatMap((came) => lines.map((line) => dropped(`${came} ${line}`, `elsewhere ${firewall.networkId}`)))
    .join('')
}

/** Neighbor discovery and signs of life; a network's chain says what of it is let in. */
const ON_THE_LINK: readonly Prefix[] = ['fe80::/10', 'ff00::/8']

/** The addresses of a network here that others find too: in a table of its own nobody does. */
const foundBy = ({ inVrf, own }: Firewall): readonly Prefix[] => (inVrf ? [] : own)

/**
 * What somebody has let in already is judged by where it came from: answers to what began here or behind here, and what a port
 * mapping has sent on, which opens its network to whoever comes to the node.
 */
function wasLetIn(firewall: Firewall, nats: readonly Nat[], door: 'in' | 'through'): string {
  const marks = ['ct direction reply', ...(nats.length > 0 ? ['ct status dnat'] : [])]
  return marks.flatMap((mark) => firewall.came.map((by) => `\t\t${by} ${mark} goto ${firewall.doors[door]}\n`)).join('')
}

/** From a network that routes leak to or from: what is here of this one asks this one's rules too. */
function alsoJudged(firewall: Firewall, others: readonly Firewall[], door: 'in' | 'through'): string {
  const { lans, doors } = firewall
  const known = others.filter((other) => leaks(firewall, other))
  if (firewall.vrfName !== undefined) return door === 'through' && known.length > 0 ? intoTable(firewall) : ''
  const asked = (place: string, from: readonly Firewall[]): string =>
    cameBy(from).map((came) => `\t\t${came} ${daddr(place)} jump ${doors[door]}\n`).join('') // prettier-ignore
  const addresses = door === 'in' ? foundBy(firewall).map((address) => asked(address, known)) : []
  // Two tenants may have the same inside: which of the two is meant, the table says.
  const behind = lans.map((lan) => asked(lan, known.filter((other) => !other.lans.some((its) => cidrsOverlap(its, lan))))) // prettier-ignore
  return [...addresses, ...behind].join('')
}

/**
 * What leads into a network's table leaves by the device of that, and comes in again by nothing that a rule could name: so it is asked
 * where it leaves.
 */
function intoTable({ vrfName = '', own, doors }: Firewall): string {
  const here = own.map((address) => `\t\toifname "${vrfName}" ${daddr(address)} goto ${doors.in}\n`)
  return [...here, `\t\toifname "${vrfName}" goto ${doors.through}\n`].join('')
}

/** What the node itself says as a member of one network, into another: where it leaves, of both. */
export function saidAcross(firewalls: readonly Firewall[]): { readonly own: string; readonly others: string } {
  const pairs = firewalls.flatMap((one) => firewalls.filter((other) => other !== one && leaks(one, other)).map((other) => ({ one, other }))) // prettier-ignore
  const across = pairs.flatMap(({ one, other }) => {
    const by = [...other.interfaces, ...(other.vrfName === undefined ? [] : [other.vrfName])]
    // On its way to a tunnel the kernel shows it to the device of the table first, and follows it only afterwards.
    return one.own.map((address) => ({ one, from: `oifname ${some(by)} ct state != untracked ${saddr(address)}` }))
  })
  return {
    own: across.map(({ one, from }) => `\t\t${from} jump ${one.doors.out}\n`).join(''),
    others: pairs
      .filter(({ other }) => other.vrfName !== undefined)
      .flatMap(({ one, other: { vrfName = '', own, doors } }) =>
        one.own.flatMap((from) =>
          own.map(
            (to) => `\t\toifname "${vrfName}" ct state != untracked ${saddr(from)} ${daddr(to)} jump ${doors.in}\n`,
          ),
        ),
      )
      .join(''),
  }
}

/** Routes leak from table to table: between two networks of one table nothing does. */
export const leaks = (one: Firewall, other: Firewall): boolean =>
  (one.inVrf || other.inVrf) && one.leaks.includes(other.networkId)

const dropped = (line: string, why: string): string => `\t\t${line} counter drop comment "${why}"\n`

const saddr = (place: Prefix): string => `${family(place)} saddr ${place}`

const daddr = (place: Prefix): string => `${family(place)} daddr ${place}`

/** Sets of ours hold IPv6. */
const family = (place: Prefix): string => (place.startsWith('@') || !isV4(place) ? 'ip6' : 'ip')
