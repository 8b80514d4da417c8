import { type Net, covers, mustNet } from '../address.ts'

/** A route as BGP tells it. */
export type Told = {
  readonly net: Net
  /** Undefined: the router that tells it is the next hop. */
  readonly nextHop: string | undefined
  /** What one router says to itself alone: before all else, and told to nobody. */
  readonly weight: number
  readonly localPref: number
  readonly med: number
  readonly asPath: readonly number[]
  readonly communities: ReadonlySet<string>
  readonly large: ReadonlySet<string>
}

/** What a route-map is asked with: the route, and the neighbor it comes from or goes to. */
export type Asked = { readonly told: Told; readonly peer: string; readonly ownAs: number }

export type ListLine = { readonly permit: boolean; readonly text: string }
export type Clause = {
  readonly permit: boolean
  readonly sequence: number
  readonly matches: readonly string[]
  readonly sets: readonly string[]
  readonly call: string | undefined
  readonly onMatch: 'next' | number | undefined
}

export type Policies = {
  /** By kind and name: `ipv6 prefix-list X`, `community-list X`. */
  readonly lists: ReadonlyMap<string, readonly ListLine[]>
  readonly maps: ReadonlyMap<string, readonly Clause[]>
}

const MOST_CALLS = 10

/** What a route-map makes of a route; undefined when it is denied. A map that is not there denies everything, as bgpd has it. */
export function apply(policies: Policies, name: string, asked: Asked, depth = 0): Told | undefined {
  const clauses = policies.maps.get(name)
  if (!clauses || depth > MOST_CALLS) return undefined
  let told = asked.told
  let passed = false
  let from = 0
  for (const clause of clauses) {
    if (clause.sequence < from) continue
    if (!clause.matches.every((line) => matches(policies, line, { ...asked, told }))) continue
    if (!clause.permit) return undefined
    told = clause.sets.reduce((route, line) => changed(route, line, asked), told)
    if (clause.call !== undefined) {
      const called = apply(policies, clause.call, { ...asked, told }, depth + 1)
      if (!called) return undefined
      told = called
    }
    passed = true
    if (clause.onMatch === undefined) return told
    from = clause.onMatch === 'next' ? clause.sequence + 1 : clause.onMatch
  }
  // The last clause that matched said to go on, and none of those behind it matched: the route is let through.
  return passed ? told : undefined
}

function matches(policies: Policies, line: string, { told, peer }: Asked): boolean {
  const words = line.split(' ')
  const last = words.at(-1) ?? ''
  const list = (kind: string, name: string): readonly ListLine[] => policies.lists.get(`${kind} ${name}`) ?? []
  const kind = words.slice(0, -1).join(' ')
  switch (kind) {
    case 'ip address prefix-list':
      return told.net.family === 4 && decided(list('ip prefix-list', last), (text) => inPrefix(text, told.net))
    case 'ipv6 address prefix-list':
      return told.net.family === 6 && decided(list('ipv6 prefix-list', last), (text) => inPrefix(text, told.net))
    case 'community':
      return decided(list('community-list', last), (text) =>
        text.split(' ').every((each) => told.communities.has(each)),
      )
    case 'large-community':
      return decided(list('large-community-list', last), (text) =>
        text.split(' ').every((each) => told.large.has(each)),
      )
    case 'as-path':
      return decided(list('as-path', last), (text) => asPathRegex(text).test(told.asPath.join(' ')))
    case 'peer':
      return peer === last
    // Tags come from the kernel's tables; what BGP tells has none.
    case 'tag':
      return false
    default:
      throw new Error(`frr: a route-map matches ${line}`)
  }
}

function decided(lines: readonly ListLine[], holds: (text: string) => boolean): boolean {
  return lines.find(({ text }) => holds(text))?.permit ?? false
}

/** `fd00::/64`, `fd00::/64 ge 65 le 128`, `any`. */
export function inPrefix(text: string, net: Net): boolean {
  if (text === 'any') return true
  const [prefix = '', ...words] = text.split(' ')
  const outer = mustNet(prefix)
  const ge = words.includes('ge') ? Number(words[words.indexOf('ge') + 1]) : undefined
  const le = words.includes('le') ? Number(words[words.indexOf('le') + 1]) : undefined
  const least = ge ?? outer.length
  const most = le ?? (ge === undefined ? outer.length : net.hex.length * 4)
  return covers(outer, net) && net.length >= least && net.length <= most
}

/** FRR's `_` is a border between AS numbers. */
function asPathRegex(text: string): RegExp {
  return new RegExp(text.replaceAll('_', '(?:^|[ ]|$)'))
}

function changed(told: Told, line: string, { ownAs }: Asked): Told {
  const words = line.split(' ')
  const [what = '', ...rest] = words
  const additive = rest.at(-1) === 'additive'
  const values = additive ? rest.slice(0, -1) : rest
  switch (what) {
    case 'weight':
      return { ...told, weight: Number(rest[0]) }
    case 'local-preference':
      return { ...told, localPref: Number(rest[0]) }
    case 'metric':
      return { ...told, med: Number(rest[0]) }
    // Taken away where nobody sets one.
    case 'extcommunity':
      return told
    case 'as-path':
      if (rest[0] !== 'prepend') throw new Error(`frr: set ${line}`)
      return {
        ...told,
        asPath: [...rest.slice(1).map((each) => (each === 'own' ? ownAs : Number(each))), ...told.asPath],
      }
    case 'community':
      return { ...told, communities: joined(told.communities, values, additive) }
    case 'large-community':
      return { ...told, large: joined(told.large, values, additive) }
    default:
      throw new Error(`frr: set ${line}`)
  }
}

function joined(before: ReadonlySet<string>, values: readonly string[], additive: boolean): ReadonlySet<string> {
  if (values.join(' ') === 'none') return new Set()
  return new Set([...(additive ? before : []), ...values])
}
