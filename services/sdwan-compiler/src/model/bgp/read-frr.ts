import { type Net, mustNet } from '../address.ts'
import { QUIET, QUIET_FAMILY, QUIET_ROUTER, isQuiet } from './quiet.ts'
import type { Clause, ListLine } from './policy.ts'
import type { FrrConfig, Road, Router, Neighbor, NeighborFamily } from './frr-config.ts'

type Draft = {
  lists: Map<string, ListLine[]>
  maps: Map<string, Clause[]>
  routers: RouterDraft[]
  roads: Road[]
}
type RouterDraft = { -readonly [K in 'as' | 'vrf' | 'routerId' | 'checksNetworks']: Router[K] } & {
  neighbors: Map<string, NeighborDraft>
  networks: { net: Net; map: string | undefined }[]
  redistributed: Router['redistributed'][number][]
}
type NeighborDraft = {
  address: string
  remoteAs: number | undefined
  source: string | undefined
  families: Map<4 | 6, FamilyDraft>
  /** Its group; `itself` where it is one. */
  group: string | undefined
}
type FamilyDraft = {
  active: boolean
  client: boolean
  nextHopSelf: boolean
  filters: Map<string, string>
  most: number | undefined
}
type ClauseDraft = { -readonly [K in keyof Clause]: Clause[K] } & { matches: string[]; sets: string[] }

/** Reads a whole frr.conf. A line that it does not know is an error. */
export function readFrr(text: string): FrrConfig {
  const draft: Draft = { lists: new Map(), maps: new Map(), routers: [], roads: [] }
  let vrf: string | undefined
  let clause: ClauseDraft | undefined
  let router: RouterDraft | undefined
  let family: 4 | 6 | undefined
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith('!') || line.startsWith('#')) continue
    const indented = raw.startsWith(' ')
    if (!indented) {
      clause = undefined
      family = undefined
      if (line === 'exit' || !line.startsWith('exit')) router = undefined
      vrf = /^vrf (\S+)$/.exec(line)?.[1]
      const map = /^route-map (\S+) (permit|deny) (\d+)$/.exec(line)
      const bgp = /^router bgp (\d+)(?: vrf (\S+))?$/.exec(line)
      if (map) clause = addClause(draft, map)
      else if (bgp) router = addRouter(draft, bgp)
      else if (!readListLine(draft, line) && !readRoad(draft, line, vrf) && !isQuiet(line, QUIET))
        throw new Error(`frr: unknown line: ${line}`)
    } else if (clause) readClauseLine(clause, line)
    else if (router && /^address-family ipv[46] unicast$/.test(line)) family = line.includes('ipv4') ? 4 : 6
    else if (router && line === 'exit-address-family') family = undefined
    else if (router && family) readFamilyLine(router, family, line)
    else if (router) readRouterLine(router, line)
    else if (!readRoad(draft, line, vrf) && !isQuiet(line, QUIET)) throw new Error(`frr: unknown line: ${line}`)
  }
  const { lists, maps, roads } = draft
  return { policies: { lists, maps }, routers: draft.routers.map(settled), roads }
}

function readRoad({ roads }: Draft, line: string, vrf: string | undefined): boolean {
  const words = /^(?:ip|ipv6) route (\S+) (?:reject 220|(\S+) 220 nexthop-vrf (\S+))$/.exec(line)
  if (!words) return false
  const [, prefix = '', device, into] = words
  roads.push({ vrf, net: mustNet(prefix), device, into: into === 'default' ? undefined : into })
  return true
}

const LISTS: readonly [RegExp, (words: RegExpExecArray) => string][] = [
  [
    /^(ip|ipv6) prefix-list (\S+) seq \d+ (permit|deny) (.+)$/,
    ([, tool = '', name = '']) => `${tool} prefix-list ${name}`,
  ],
  [
    /^bgp (community-list|large-community-list) standard (\S+) seq \d+ (permit|deny) (.+)$/,
    ([, kind = '', name = '']) => `${kind} ${name}`,
  ],
  [/^bgp (as-path) access-list (\S+) seq \d+ (permit|deny) (.+)$/, ([, , name = '']) => `as-path ${name}`],
]

function readListLine({ lists }: Draft, line: string): boolean {
  for (const [pattern, key] of LISTS) {
    const words = pattern.exec(line)
    if (!words) continue
    const name = key(words)
    lists.set(name, [...(lists.get(name) ?? []), { permit: words[3] === 'permit', text: words[4] ?? '' }])
    return true
  }
  return false
}

function addClause({ maps }: Draft, [, name = '', verdict, sequence]: RegExpExecArray): ClauseDraft {
  const clause: ClauseDraft = {
    permit: verdict === 'permit',
    sequence: Number(sequence),
    matches: [],
    sets: [],
    call: undefined,
    onMatch: undefined,
  }
  const clauses = [...(maps.get(name) ?? []), clause].toSorted((one, other) => one.sequence - other.sequence)
  maps.set(name, clauses)
  return clause
}

function readClauseLine(clause: ClauseDraft, line: string): void {
  if (line.startsWith('match ')) clause.matches.push(line.slice(6))
  else if (line.startsWith('set ')) clause.sets.push(line.slice(4))
  else if (line.startsWith('call ')) clause.call = line.slice(5)
  else if (line === 'on-match next') clause.onMatch = 'next'
  else if (line.startsWith('on-match goto ')) clause.onMatch = Number(line.slice(14))
  else if (!line.startsWith('description ')) throw new Error(`frr: unknown line in a route-map: ${line}`)
}

function addRouter({ routers }: Draft, [, as, vrf]: RegExpExecArray): RouterDraft {
  const router: RouterDraft = {
    as: Number(as),
    vrf,
    routerId: '',
    checksNetworks: true,
    neighbors: new Map(),
    networks: [],
    redistributed: [],
  }
  routers.push(router)
  return router
}

function readRouterLine(router: RouterDraft, line: string): void {
  const group = /^neighbor (\S+) peer-group$/.exec(line)?.[1]
  const words = /^neighbor (\S+) (remote-as|update-source|peer-group) (\S+)$/.exec(line)
  const [, address = '', verb = '', value = ''] = words ?? []
  if (group !== undefined) neighborOf(router, group).group = ITSELF
  else if (verb === 'remote-as') neighborOf(router, address).remoteAs = Number(value)
  else if (verb === 'update-source') neighborOf(router, address).source = value
  else if (verb === 'peer-group') {
    if (router.neighbors.get(value)?.group !== ITSELF) throw new Error(`frr: there is no group ${value}`)
    neighborOf(router, address).group = value
  } else if (line.startsWith('bgp router-id ')) router.routerId = line.slice(14)
  else if (line === 'no bgp network import-check') router.checksNetworks = false
  else if (!isQuiet(line, QUIET_ROUTER)) throw new Error(`frr: unknown line of a router: ${line}`)
}

const ITSELF = ' '

function readFamilyLine(router: RouterDraft, family: 4 | 6, line: string): void {
  const network = /^network (\S+)(?: route-map (\S+))?$/.exec(line)
  const redistributed = /^redistribute (connected|kernel) route-map (\S+)$/.exec(line)
  const neighbor =
    /^neighbor (\S+) (activate|route-reflector-client|next-hop-self(?: force)?|(route-map|prefix-list) (\S+) (in|out)|maximum-prefix (\d+).*)$/.exec(
      line,
    )
  if (network) router.networks.push({ net: mustNet(network[1] ?? ''), map: network[2] })
  else if (redistributed) {
    const kind = redistributed[1] === 'kernel' ? 'kernel' : 'connected'
    router.redistributed.push({ kind, family, map: redistributed[2] ?? '' })
  } else if (neighbor) readNeighborLine(router, family, neighbor)
  else if (!isQuiet(line, QUIET_FAMILY)) throw new Error(`frr: unknown line of an address family: ${line}`)
}

function readNeighborLine(router: RouterDraft, family: 4 | 6, words: RegExpExecArray): void {
  const [, address = '', what = '', kind, name = '', direction = '', most] = words
  const { families } = neighborOf(router, address)
  const known = families.get(family)
  const its = known ?? {
    active: false,
    client: false,
    nextHopSelf: false,
    filters: new Map<string, string>(),
    most: undefined,
  }
  families.set(family, its)
  if (kind !== undefined) its.filters.set(`${kind} ${direction}`, name)
  else if (most !== undefined) its.most = Number(most)
  else if (what === 'activate') its.active = true
  else if (what === 'route-reflector-client') its.client = true
  else its.nextHopSelf = true
}

function neighborOf(router: RouterDraft, address: string): NeighborDraft {
  const found = router.neighbors.get(address)
  if (found) return found
  const neighbor = { address, remoteAs: undefined, source: undefined, families: new Map(), group: undefined }
  router.neighbors.set(address, neighbor)
  return neighbor
}

/** Neighbors with what their group says where they say nothing themselves. */
function settled(router: RouterDraft): Router {
  const neighbors = [...router.neighbors.values()].filter(({ group }) => group !== ITSELF)
  return { ...router, neighbors: new Map(neighbors.map((each) => [each.address, withGroup(router, each)])) }
}

function withGroup(router: RouterDraft, { address, remoteAs, source, families, group }: NeighborDraft): Neighbor {
  const its = group === undefined ? undefined : router.neighbors.get(group)
  const as = remoteAs ?? its?.remoteAs
  if (as === undefined) throw new Error(`frr: the neighbor ${address} has no remote-as`)
  const merged = ([4, 6] as const).map((family): [4 | 6, NeighborFamily] => {
    const [own, shared] = [families.get(family), its?.families.get(family)]
    const filters = new Map([...(shared?.filters ?? []), ...(own?.filters ?? [])])
    const flag = (name: 'active' | 'client' | 'nextHopSelf'): boolean => own?.[name] === true || shared?.[name] === true
    const most = own?.most ?? shared?.most
    return [family, { active: flag('active'), client: flag('client'), nextHopSelf: flag('nextHopSelf'), filters, most }]
  })
  return { address, remoteAs: as, source: source ?? its?.source, families: new Map(merged) }
}
