import { compared, isHub } from '../world-index.ts'
import { announcedBy, originatedFor, podsOf, type Announcement } from './announcements.ts'
import type { Desk } from './inside.ts'
import { leaksOut } from './leaks.ts'
import { short } from './marks.ts'
import type { Speaker } from './place.ts'
import { permit, prefixList, routeMap, type Clause } from './script.ts'
import { digit, within, type Family } from './text.ts'

/**
 * What the members of one table originate, each route with the mark that lets it out. Most of it whether the kernel has a road there
 * or not: tunnels lead to the node all the same. But FRR lets into another table only what it has a next hop for, so whatever
 * leaks from here is what the kernel has of it.
 */
export function originLines(desk: Desk, members: readonly Speaker[], said: Said): readonly string[] {
  const parts = members.map((each) => originOf(desk, each, said))
  const connected = parts.flatMap(({ pods, carried }) => [...carried, ...pods])
  const kernel = parts.flatMap(({ carried }) => carried)
  const table = members[0]?.vrfName ?? 'default'
  const line = (kind: 'connected' | 'kernel', clauses: readonly Clause[]): string[] =>
    clauses.length === 0
      ? []
      : [`redistribute ${kind} route-map ${routeMap(desk.script, `${kind}-${table}-${digit(said.family)}`, clauses)}`]
  const networks = parts.flatMap(({ networks }) => networks).toSorted(compared)
  return [...networks, ...line('connected', connected), ...line('kernel', kernel)]
}

/** `all`: everybody on the node, into whose tables routes may leak. */
type Said = { readonly family: Family; readonly all: readonly Speaker[] }

type Origin = {
  readonly networks: readonly string[]
  /** Conditions of what is taken from the kernel: parts of the pods' prefix, and what leaks. */
  readonly pods: readonly Clause[]
  readonly carried: readonly Clause[]
}

function originOf(desk: Desk, speaker: Speaker, { family, all }: Said): Origin {
  const { index, marks, script } = desk
  const { its, member, inside, crossings } = speaker
  const origin = marks.origin(member.id)
  const marked = `${marks.network(its.network.id)} ${origin}`
  const own = inside ? announcedBy(index, its, member).filter((each) => each.family === family) : []
  const pods = inside ? podsOf(its, family).map((prefix) => `permit ${within(prefix, family)}`) : []
  const leaks = leaksOut(index, speaker, all)
  const border = family === 'ipv6' ? new Set(crossings.flatMap((each) => originatedFor(index, its, each))) : []
  const beyond = [...border].map((prefix) => {
    const map = routeMap(script, `border-${short(member.id)}`, [permit(`set large-community ${origin}`)])
    return `network ${prefix} route-map ${map}`
  })
  const fromKernel = (name: string, entries: readonly string[], sets: readonly string[]): Clause =>
    permit(prefixList(script, family, name, entries), ...sets)
  return {
    networks: [...(leaks ? [] : own.map((each) => networkLine(desk, speaker, { ...each, marked }))), ...beyond],
    pods: pods.length > 0 ? [fromKernel(`pods-${short(member.id)}`, pods, [`set large-community ${marked}`])] : [],
    carried: leaks
      ? [
          ...own.map((each, at) =>
            fromKernel(
              `own-${short(member.id)}-${at + 1}`,
              [`permit ${each.prefix}`],
              setsOf(each, marked, [UNMEASURED]),
            ),
          ),
          ...wholeOf(desk, speaker, { family, origin }),
        ]
      : [],
  }
}

function networkLine({ script }: Desk, { member }: Speaker, each: Announcement & { readonly marked: string }): string {
  const { prefix, virtualIp, marked } = each
  const sets = setsOf(each, marked)
  const name = virtualIp && sets.length > 1 ? `vip-${short(virtualIp.id)}` : `own-${short(member.id)}`
  return `network ${prefix} route-map ${routeMap(script, name, [permit(...sets)])}`
}

function setsOf({ virtualIp }: Announcement, marked: string, usually: readonly string[] = []): readonly string[] {
  const usual = !virtualIp || (virtualIp.med === 0 && virtualIp.localPref === 100)
  const own = usual ? usually : [`set metric ${virtualIp.med}`, `set local-preference ${virtualIp.localPref}`]
  return [`set large-community ${marked}`, ...own]
}

/** Else the kernel's metric would be the MED. */
const UNMEASURED = 'set metric 0'

/** The network as a whole, said to nobody inside, unless hubs do. */
function wholeOf(
  { marks, script }: Desk,
  { its, member }: Speaker,
  { family, origin }: { readonly family: Family; readonly origin: string },
): readonly Clause[] {
  const said = its.network.advertiseSubnet && isHub(member)
  if (family !== 'ipv6' || said) return []
  const list = prefixList(script, family, `whole-${short(member.id)}`, [`permit ${its.network.cidr}`])
  return [permit(list, UNMEASURED, `set large-community ${origin} ${marks.whole}`)]
}
