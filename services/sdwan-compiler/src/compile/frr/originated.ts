import { compared } from '../compared.ts'

import { announcedBy, originatedFor, podsOf, type Announcement } from './announcements.ts'
import type { Desk } from './inside.ts'
import { leakedLines } from './leaks.ts'
import { short } from './marks.ts'
import type { Speaker } from './place.ts'
import { permit, prefixList, routeMap, type Clause } from './script.ts'
import { digit, within, type Family } from './text.ts'

/**
 * What the members of one table originate, each route with the mark that lets it out; whether the kernel has a road there or not:
 * tunnels lead to the node all the same. Of pods the node alone knows its part.
 */
export function originLines(desk: Desk, members: readonly Speaker[], { family, all }: Said): readonly string[] {
  const networks = members.flatMap((each) => [
    ...networkLines(desk, each, family),
    ...leakedLines(desk, { speaker: each, all }, family),
  ])
  const pods = members.flatMap((each) => podClauses(desk, each, family))
  const table = members[0]?.vrfName ?? 'default'
  const map = (): string => routeMap(desk.script, `connected-${table}-${digit(family)}`, pods)
  return [...networks.toSorted(compared), ...(pods.length > 0 ? [`redistribute connected route-map ${map()}`] : [])]
}

/** `all`: everybody on the node, from whose tables routes may leak. */
type Said = { readonly family: Family; readonly all: readonly Speaker[] }

function networkLines(desk: Desk, speaker: Speaker, family: Family): readonly string[] {
  const { index, marks, script } = desk
  const { its, member, inside, crossings } = speaker
  const own = inside ? announcedBy(index, its, member).filter((each) => each.family === family) : []
  const border = family === 'ipv6' ? new Set(crossings.flatMap((each) => originatedFor(index, its, each))) : []
  const beyond = [...border].map((prefix) => {
    const map = routeMap(script, `border-${short(member.id)}`, [permit(`set large-community ${marks.origin(member.id)}`)]) // prettier-ignore
    return `network ${prefix} route-map ${map}`
  })
  return [...own.map((each) => networkLine(desk, speaker, each)), ...beyond]
}

function networkLine(desk: Desk, speaker: Speaker, { prefix, virtualIp }: Announcement): string {
  const usual = !virtualIp || (virtualIp.med === 0 && virtualIp.localPref === 100)
  const sets = usual ? [] : [`set metric ${virtualIp.med}`, `set local-preference ${virtualIp.localPref}`]
  const name = usual ? `own-${short(speaker.member.id)}` : `vip-${short(virtualIp.id)}`
  return `network ${prefix} route-map ${routeMap(desk.script, name, [permit(marked(desk, speaker), ...sets)])}`
}

function podClauses(desk: Desk, speaker: Speaker, family: Family): readonly Clause[] {
  const pods = speaker.inside ? podsOf(speaker.its, family).map((prefix) => `permit ${within(prefix, family)}`) : []
  if (pods.length === 0) return []
  return [permit(prefixList(desk.script, family, `pods-${short(speaker.member.id)}`, pods), marked(desk, speaker))]
}

const marked = ({ marks }: Desk, { its, member }: Speaker): string =>
  `set large-community ${marks.network(its.network.id)} ${marks.origin(member.id)}`
