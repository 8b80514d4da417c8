import { Places } from './places.ts'

/** A connection as whoever opened it meant it: what was translated is where it has come to. */
export type Connection = {
  readonly src: string
  readonly dst: string
  readonly protocol: string
  /** 0 where the protocol has none. */
  readonly dport: number
  /** The port that was asked for, where a mapping has sent it elsewhere. */
  readonly mappedFrom: number | undefined
}

/** Connections that a line of a script speaks of. What it asks beyond addresses, protocol and port is not asked here. */
export type Spoken = {
  readonly src: readonly string[] | undefined
  readonly dst: readonly string[] | undefined
  readonly protocol: string | undefined
  readonly ports: { readonly from: number; readonly to: number } | undefined
  /** Whether the line decides of who may leave, of what arrives, or where a mapping leads. */
  readonly stage: 'leave' | 'arrive' | 'mapped'
  /** By what its chains begin with; undefined where a mapping leads, which is before all networks. */
  readonly network: string | undefined
}

type Script = {
  readonly chains: ReadonlyMap<string, readonly string[]>
  readonly sets: ReadonlyMap<string, readonly string[]>
}

const OPENS = /\b(accept|return)\b/
const CLOSES = /\b(drop|reject)\b/

/**
 * What one firewall may stop that another let through: what a line speaks of that let through, and is gone; addresses that have left
 * a set of such a line; and what lines stop that are new. The other way round, it is what the second opens.
 */
export function narrowedBy(before: string, after: string): readonly Spoken[] {
  if (before === after || before === '') return []
  const [was, is] = [read(before), read(after)]
  const found: Spoken[] = []
  for (const name of new Set([...was.chains.keys(), ...is.chains.keys()])) {
    const [old, fresh] = [was.chains.get(name) ?? [], is.chains.get(name) ?? []]
    if (name.startsWith('map_')) {
      const isSame = old.join() === fresh.join() && old.every((line) => left(line, { name, was, is }).length === 0)
      found.push(...(isSame ? [] : old.filter((line) => / dnat /.test(line)).map((line) => spokenOf(line, name, was.sets)))) // prettier-ignore
      continue
    }
    const moved = !isInOrder(old, fresh)
    for (const line of old.filter((each) => OPENS.test(each) && !isOfConnections(each)))
      found.push(...(fresh.includes(line) ? left(line, { name, was, is }) : [spokenOf(line, name, was.sets)]))
    for (const line of fresh.filter((each) => CLOSES.test(each))) {
      const isNew = !old.includes(line)
      // The guards of a crossing stand with its interface; what they stop has no rule any more either.
      if ((isNew || moved) && !/"crossing /.test(line)) found.push(spokenOf(line, name, is.sets))
      else if (!isNew) {
        // A set that a line stops has grown; or one that it spares, `!= @…`, has shrunk.
        found.push(...left(line, { name, was: is, is: was }))
        const spared = line.replaceAll(/(?<=addr )@\S+/g, '').replaceAll('!= @', '@')
        found.push(...left(spared, { name, was, is }))
      }
    }
  }
  return found
}

export function speaksOf({ src, dst, protocol, ports, stage }: Spoken, its: Connection): boolean {
  const port = stage === 'mapped' ? its.mappedFrom : its.dport
  return (
    (src === undefined || placesIn(src).hold(its.src)) &&
    (dst === undefined || placesIn(dst).hold(its.dst)) &&
    (protocol === undefined || protocol === its.protocol) &&
    (ports === undefined || (port !== undefined && ports.from <= port && port <= ports.to))
  )
}

/**
 * Tells of connections whether a network would let them begin, as far as one stage decides. By its own rules alone: what another
 * network of the same node lets in MUST NOT keep alive what this one does not.
 */
export function judgeOf(script: string): (where: Pick<Spoken, 'stage' | 'network'>, its: Connection) => boolean {
  const { chains, sets } = read(script)
  const lines = [...chains].flatMap(
    ([name, all]) =>
    all.filter((line) => (OPENS.test(line) || CLOSES.test(line)) && !isOfConnections(line)).map((line) => ({ line, name, isOpen: OPENS.test(line), spoken: spokenOf(line, name, sets) })), // prettier-ignore
  )
  const byNetwork = Map.groupBy(lines, ({ spoken }) => spoken.network)
  return ({ stage, network }, its) => {
    if (stage === 'mapped') return false
    const own = byNetwork.get(network) ?? []
    // A line that asks for an interface lets in only what the crossing of that interface carries: whose set it names as well.
    const first = own.find(({ name, spoken }) => name.endsWith(stage === 'leave' ? '_leave' : '_arrive') && speaksOf(spoken, its)) // prettier-ignore
    if (first) return first.isOpen
    if (stage === 'leave' || !own.some(({ line }) => line.includes('comment "default '))) return true
    return own.some(({ line, spoken }) => line.includes('comment "control"') && speaksOf(spoken, its))
  }
}

/** The interfaces of each network: those whose packets go to its chains. */
export function interfacesByNetwork(script: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  for (const line of [...read(script).chains.values()].flat()) {
    const network = networkIn(/ jump (\S+)$/.exec(line)?.[1] ?? '')
    if (network === undefined) continue
    const known = found.get(network) ?? new Set()
    found.set(network, known)
    for (const [, names = ''] of line.matchAll(/\b[io]ifname (\{[^}]*\}|"[^"]*")/g))
      for (const [, name = ''] of names.matchAll(/"([^"]*)"/g)) known.add(name)
  }
  return found
}

/** The zones that connections of each network are kept in, where they have some of their own. */
export function zonesByNetwork(script: string): ReadonlyMap<string, number> {
  const lines = [...script.matchAll(/^\s*iifname (.+) ct zone set (\d+)$/gm)]
  return new Map(
    [...interfacesByNetwork(script)].flatMap(([network, names]) => {
      const [, , zone] = lines.find(([, said = '']) => [...names].some((name) => said.includes(`"${name}"`))) ?? []
      return zone === undefined ? [] : [[network, Number(zone)] as const]
    }),
  )
}

const networkIn = (chain: string): string | undefined => /^(net_.+)_(?:leave|arrive|in|fwd|out)$/.exec(chain)?.[1]

const places = new WeakMap<readonly string[], Places>()

function placesIn(prefixes: readonly string[]): Places {
  const known = places.get(prefixes) ?? new Places(prefixes)
  places.set(prefixes, known)
  return known
}

/** The head of a chain, and what belongs to a connection or the link: none of them is a rule. */
const isOfConnections = (line: string): boolean =>
  /^(type |ct state|icmpv6 type \{ nd-|ip6 saddr fe80::\/10 icmpv6)|ct status dnat/.test(line)

/** What has left the sets that a line names. */
function left(line: string, { name, was, is }: { name: string; was: Script; is: Script }): readonly Spoken[] {
  return [...line.matchAll(/(?<=addr )@(\S+)/g)].flatMap(([, set = '']) => {
    const now = new Set(is.sets.get(set))
    const gone = (was.sets.get(set) ?? []).filter((element) => !now.has(element))
    return gone.length === 0 ? [] : [spokenOf(line, name, new Map([...was.sets, [set, gone]]))]
  })
}

function isInOrder(old: readonly string[], fresh: readonly string[]): boolean {
  const both = new Set(old.filter((line) => fresh.includes(line)))
  const of = (lines: readonly string[]): string => lines.filter((line) => both.has(line)).join('\n')
  return of(old) === of(fresh)
}

// oxlint-disable-next-line max-params -- a line, and where it stands
function spokenOf(line: string, chain: string, sets: Script['sets']): Spoken {
  const end = (which: 'saddr' | 'daddr'): readonly string[] | undefined => {
    const [, value] = new RegExp(`\\bip6? ${which} (@[^ ]+|[0-9a-f][^ ]*|\\{[^}]*\\})`).exec(line) ?? []
    if (value === undefined) return undefined
    if (value.startsWith('@')) return sets.get(value.slice(1)) ?? []
    return value.startsWith('{') ? listOf(value) : [value]
  }
  const [, plain, from, to] = /\b(tcp|udp) dport (\d+)(?:-(\d+))?/.exec(line) ?? []
  const [, byName] = /\bmeta l4proto (\S+)/.exec(line) ?? []
  return {
    src: end('saddr'),
    dst: end('daddr'),
    protocol: plain ?? byName ?? (/\bicmpv6 type/.test(line) ? 'icmpv6' : undefined),
    ports: from === undefined ? undefined : { from: Number(from), to: Number(to ?? from) },
    stage: chain.startsWith('map_') ? 'mapped' : chain.endsWith('_leave') ? 'leave' : 'arrive',
    network: networkIn(chain),
  }
}

function read(script: string): Script {
  const chains = new Map<string, readonly string[]>()
  const sets = new Map<string, readonly string[]>()
  for (const [, what, name = '', body = ''] of script.matchAll(/^\s*(chain|set) (\S+) \{\n([\s\S]*?)^\s*\}$/gm)) {
    const lines = body.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')) // prettier-ignore
    if (what === 'chain') chains.set(name, lines)
    else sets.set(name, listOf(lines.find((line) => line.startsWith('elements =')) ?? ''))
  }
  return { chains, sets }
}

const listOf = (text: string): readonly string[] =>
  (/\{([^}]*)\}/.exec(text)?.[1] ?? '').split(',').map((each) => each.trim()).filter((each) => each !== '') // prettier-ignore
