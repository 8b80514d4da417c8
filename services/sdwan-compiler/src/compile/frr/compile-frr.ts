import type { Id } from '../../world.ts'
import { compared } from '../compared.ts'
import { isHub, type WorldIndex } from '../world-index.ts'
import { borderLines } from './border.ts'
import { insideLines, type Desk, type RouterLines } from './inside.ts'
import { roadLines } from './leaks.ts'
import { marksOf, short } from './marks.ts'
import { routerIds } from './numbers.ts'
import { originLines } from './originated.ts'
import { speakersOn, type Speaker } from './place.ts'
import { emptyScript } from './script.ts'
import { reflectorsOf } from './sessions.ts'
import { FAMILIES } from './text.ts'

/**
 * The whole frr.conf of a node; empty where it speaks no BGP. Equal worlds give equal bytes: everything is sorted, and a spoke's file
 * has nothing of other spokes in it.
 */
export function compileFrr(index: WorldIndex, nodeId: Id): string {
  const speakers = speakersOn(index, nodeId)
  if (speakers.length === 0) return ''
  const { asNumber } = index.world.platform.bgp
  const desk: Desk = { index, asNumber, marks: marksOf(asNumber), script: emptyScript() }
  const tables = [...Map.groupBy(speakers, ({ vrfName }) => vrfName ?? '')].toSorted(([a], [b]) => compared(a, b))
  const routers = tables.map(([, members]) => routerText(desk, members, speakers))
  const vrfs = tables.flatMap(([name, members]) => tableLines(desk, name, { members, speakers }))
  const sorted = (lines: ReadonlyMap<string, string>) =>
    [...lines].toSorted(([a], [b]) => compared(a, b)).map(([, text]) => text)
  const blocks = [header(nodeId, speakers), vrfs, sorted(desk.script.lists), sorted(desk.script.maps), routers]
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n!\n')}\n`
}

/**
 * No word of the machine: neighbors are told the hostname. Who forwards for others says so.
 *
 * A route-map that changes is applied to what is there a second after its last line. With 0 bgpd never does so, and it holds for
 * routes that come later (seen with FRR 8.4.4: test/routing/inside.lab.test.ts).
 */
function header(nodeId: Id, speakers: readonly Speaker[]): string[] {
  const forwards = speakers.some(
    ({ its, member, crossings }) =>
      isHub(member) || member.lanSubnets.length > 0 || its.network.podSubnet !== undefined || crossings.length > 0,
  )
  return [
    'frr defaults traditional',
    `hostname n-${short(nodeId)}`,
    'service integrated-vtysh-config',
    'log syslog informational',
    ...(forwards || speakers.length > 1 ? ['ip forwarding', 'ipv6 forwarding'] : []),
    'bgp route-map delay-timer 1',
  ]
}

/** A table with what leads from it into others. */
function tableLines(
  desk: Desk,
  name: string,
  { members, speakers }: Readonly<Record<'members' | 'speakers', readonly Speaker[]>>,
): readonly string[] {
  const roads = members.flatMap((speaker) => roadLines(desk, { speaker, all: speakers }))
  return name === '' ? roads : [`vrf ${name}`, ...roads.map((road) => ` ${road}`), 'exit-vrf']
}

/**
 * The router of one table. Its id is that of the member who is first by id.
 *
 * A bgpd that comes back within 20 s finds its routes kept by its neighbors and by zebra (RFC 4724); a neighbor that falls silent
 * is given up after 15 s without that grace, or a dead gateway's roads would lead nowhere for as long again.
 *
 * No neighbor is on a link of ours. `ebgp-multihop` says so of a session, but the one that a neighbor opens begins as a peer
 * without it, for which FRR has the next hop wait for a connected route (github.com/FRRouting/frr/issues/12025): then the session
 * stands, and nothing that it brings is ever a route. For the whole router nothing has to be connected.
 */
function routerText(desk: Desk, members: readonly Speaker[], all: readonly Speaker[]): string {
  const { index, asNumber } = desk
  const { defaultLocalPref } = index.world.platform.bgp
  const vrfName = members[0]?.vrfName
  const id = routerIds(index.everybody).get(members[0]?.member.id ?? '') ?? ''
  const parts: RouterLines[] = [
    ...members.filter(({ inside }) => inside).map((each) => insideLines(desk, each)),
    ...members.map((each) => borderLines(desk, each)),
  ]
  const reflects = members.some(({ its, member, inside }) => inside && reflectorsOf(its).includes(member))
  const lines = [
    `router bgp ${asNumber}${vrfName === undefined ? '' : ` vrf ${vrfName}`}`,
    ` bgp router-id ${id}`,
    ...(reflects ? [` bgp cluster-id ${id}`] : []),
    ...(defaultLocalPref === 100 ? [] : [` bgp default local-preference ${defaultLocalPref}`]),
    ' no bgp default ipv4-unicast',
    ' no bgp network import-check',
    ' bgp disable-ebgp-connected-route-check',
    ' no bgp graceful-restart notification',
    ' bgp graceful-restart restart-time 20',
    ' bgp graceful-restart preserve-fw-state',
    ' bgp graceful-restart',
    ' coalesce-time 100',
    ' timers bgp 5 15',
    ...indented(
      1,
      parts.flatMap(({ session }) => session),
    ),
    ...FAMILIES.flatMap((family) => {
      const own = originLines(desk, members, { family, all })
      const body = [...own, ...parts.flatMap(({ families }) => families[family])]
      if (body.length === 0) return []
      const lines = indented(2, ['maximum-paths 1', 'maximum-paths ibgp 1', ...body])
      return [` address-family ${family} unicast`, ...lines, ' exit-address-family']
    }),
    'exit',
  ]
  return lines.join('\n')
}

/** Many lines as one text. */
function indented(by: number, lines: readonly string[]): readonly string[] {
  const margin = ' '.repeat(by)
  return lines.length === 0 ? [] : [margin + lines.join(`\n${margin}`)]
}
