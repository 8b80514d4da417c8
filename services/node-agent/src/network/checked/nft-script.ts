import { INTERFACE, VRF } from './patterns.ts'

/** The one table that is ours. */
export const TABLE = ['inet', 'powernode_sdwan'] as const

const TOKEN = /[ \t]*(?:(\n|;)|"([^"\\\n]*)"|(!=|[{}=,])|([@A-Za-z0-9_./:[\]-]+)|#[^\n]*)/y
const OWN_NAME = /^[a-z][a-z0-9_-]{0,127}$/
/** Numbers, ranges, rates, addresses, prefixes and `[address]:port`. */
const VALUE =
  /^(\d+(-\d+)?|\d+\/(second|minute|hour)|(?=.*[:.])[0-9a-f:.]+(\/\d{1,3})?(-[0-9a-f:.]+)?|\[[0-9a-f:.]+\]:\d{1,5})$/

/** Every word that a rule of ours may hold. What reaches out of the table (include, flush, queue, dup, log …) is not here. */
const WORDS: ReadonlySet<string> = new Set(
  [
    'type filter nat hook prerouting input forward output postrouting priority policy raw dstnat srcnat',
    'flags interval timeout dynamic constant auto-merge elements size ipv4_addr ipv6_addr inet_service inet_proto ifname verdict',
    'iifname oifname sdifname lo meta l4proto nfproto ipv4 ipv6 ip ip6 saddr daddr nexthdr protocol tcp udp th sport dport',
    'icmp icmpv6 icmpx ipv6-icmp nd-neighbor-solicit nd-neighbor-advert nd-router-solicit nd-router-advert',
    'echo-request echo-reply packet-too-big destination-unreachable time-exceeded parameter-problem mld-listener-query',
    'mld-listener-report mld-listener-done mld2-listener-report port-unreachable admin-prohibited no-route reset with',
    'ct state status mark zone set direction original reply new established related invalid untracked dnat snat count over limit rate burst packets',
    'fib local . iif oif missing addrtype vmap map counter comment accept drop reject return jump goto continue to masquerade add update',
  ].flatMap((line) => line.split(' ')),
)

/** What takes something away, or sends it elsewhere; or says where a connection is looked for. */
const DECIDES: ReadonlySet<string> = new Set([
  'drop',
  'reject',
  'jump',
  'goto',
  'vmap',
  'dnat',
  'snat',
  'masquerade',
  'zone',
])
const HOOKS: Readonly<Record<string, readonly string[]>> = {
  filter: ['prerouting', 'input', 'forward', 'output'],
  nat: ['prerouting', 'output', 'postrouting'],
}

/** What of the node a script may not touch, and what of it is the network's: addresses of its interfaces. */
export type Ours = { readonly keptPorts: readonly number[]; readonly addresses: ReadonlySet<string> }

type Word = { readonly text: string; readonly kind: 'word' | 'string' | 'mark' | 'end' }

/**
 * Whether a script does nothing but replace our own table, with chains that speak only of our own interfaces. Throws
 * otherwise. nft itself would do all that it is told: empty every table of the machine, or shut its other interfaces.
 */
export function checkNftScript(script: string, { keptPorts, addresses }: Ours): void {
  if (script === '') return
  const words = read(script)
  let at = 0
  const peek = (): Word | undefined => words[at]
  const take = (): string => words[at++]?.text ?? ''
  const skipEnds = (): void => {
    while (peek()?.kind === 'end') at += 1
  }
  const expect = (...texts: readonly string[]): void => {
    for (const each of texts)
      if (take() !== each) throw new Error(`the firewall script does not replace ${TABLE.join(' ')} and nothing else`)
  }
  skipEnds()
  expect('table', ...TABLE)
  skipEnds()
  expect('delete', 'table', ...TABLE)
  skipEnds()
  if (peek() === undefined) return
  expect('table', ...TABLE, '{')
  const chains: { readonly name: string; readonly body: readonly Word[] }[] = []
  const sets = new Map<string, readonly Word[]>()
  const names = new Set<string>()
  for (skipEnds(); peek()?.text !== '}'; skipEnds()) {
    const what = take()
    const name = take()
    if (!['chain', 'set', 'map'].includes(what) || !OWN_NAME.test(name)) throw new Error(`not a part of our table: ${what.slice(0, 40)}`) // prettier-ignore
    expect('{')
    const from = at
    for (let depth = 1; depth > 0; at += 1) {
      const word = peek()
      if (!word) throw new Error('the firewall script ends too early')
      if (word.kind === 'mark' && word.text === '{') depth += 1
      if (word.kind === 'mark' && word.text === '}') depth -= 1
    }
    names.add(name)
    if (what === 'set') sets.set(name, words.slice(from, at - 1))
    chains.push({ name: what === 'chain' ? name : '', body: words.slice(from, at - 1) })
  }
  expect('}')
  skipEnds()
  if (peek() !== undefined) throw new Error('the firewall script goes on after our table')
  for (const { name, body } of chains) checkBody({ chain: name, body, names, keptPorts, sets, addresses })
}

function read(script: string): Word[] {
  const words: Word[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < script.length) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(script)
    if (!match) throw new Error(`the firewall script holds what nft has no word for: ${JSON.stringify(script.slice(from, from + 40))}`) // prettier-ignore
    const [, end, string, mark, word] = match
    if (end !== undefined) words.push({ text: end, kind: 'end' })
    else if (string !== undefined) words.push({ text: string, kind: 'string' })
    else if (mark !== undefined) words.push({ text: mark, kind: 'mark' })
    else if (word !== undefined) words.push({ text: word, kind: 'word' })
  }
  return words
}

type Part = {
  /** Empty: a set. */
  readonly chain: string
  readonly body: readonly Word[]
  readonly names: ReadonlySet<string>
  readonly sets: ReadonlyMap<string, readonly Word[]>
} & Ours

function checkBody(part: Part): void {
  const { chain, body, names, keptPorts } = part
  for (const { text, kind } of body) {
    const known = kind !== 'word' || WORDS.has(text) || VALUE.test(text) || names.has(text.replace(/^@/, ''))
    if (!known) throw new Error(`the firewall script has a word that is not ours: ${JSON.stringify(text.slice(0, 40))}`)
  }
  for (const [at, { text }] of body.entries()) {
    const said = body.slice(at - 2, at + 2).map((word) => word.text).join(' ') // prettier-ignore
    if (text === 'set' && !/^ct zone set \d+$/.test(said)) throw new Error('the firewall script writes into packets')
  }
  if (chain === '') return
  const statements = statementsOf(body)
  const base = statements.find(([first]) => first?.text === 'type')
  if (!base) return
  const [, type = '', , hook = ''] = base.map(({ text }) => text)
  if (!HOOKS[type]?.includes(hook)) throw new Error(`the chain ${chain} hangs where none of ours does`)
  for (const statement of statements) {
    const [first, second] = statement
    if (first?.text === 'policy' && second?.text !== 'accept') throw new Error(`the chain ${chain} would decide for interfaces that are not ours`) // prettier-ignore
    const decides = statement.some(({ text, kind }, at) => kind === 'word' && DECIDES.has(text) && !isAsked(statement, at)) // prettier-ignore
    if (!decides || isScoped(statement) || (hook === 'input' && isForOwnAddress(statement, part))) continue
    const maps = type === 'nat' && hook === 'prerouting' && isOnePort(statement, keptPorts)
    if (!maps) throw new Error(`the chain ${chain} has a rule that is not bound to an interface of ours`)
  }
}

/** `ct status dnat` asks what was done, and does nothing. */
const isAsked = (statement: readonly Word[], at: number): boolean =>
  statement[at - 2]?.text === 'ct' && statement[at - 1]?.text === 'status'

/** A port mapping takes one port of the node, wherever a packet comes from; those that the node keeps for itself are never taken. */
function isOnePort(statement: readonly Word[], keptPorts: readonly number[]): boolean {
  const at = statement.findIndex(({ text, kind }) => kind === 'word' && text === 'dport')
  const port = statement[at + 1]?.text ?? ''
  return at > 0 && /^\d{1,5}$/.test(port) && !keptPorts.includes(Number(port))
}

/** Lines, and what `;` parts; braces within are one statement's. */
function statementsOf(body: readonly Word[]): Word[][] {
  const statements: Word[][] = [[]]
  let depth = 0
  for (const word of body) {
    if (word.kind === 'mark' && word.text === '{') depth += 1
    if (word.kind === 'mark' && word.text === '}') depth -= 1
    if (word.kind === 'end' && depth === 0) statements.push([])
    else if (word.kind !== 'end') statements.at(-1)?.push(word)
  }
  return statements.filter((statement) => statement.length > 0)
}

/**
 * Begins with `iifname`, `oifname` or `meta sdifname` and names of our own: one, a list, or the keys of a verdict map. The device of a
 * table is one that packets leave by; what comes out of it may have come by an interface that is not ours.
 */
function isScoped(statement: readonly Word[]): boolean {
  const [field, second, ...rest] = statement[0]?.text === 'meta' ? statement.slice(1) : statement
  if (!['iifname', 'oifname', 'sdifname'].includes(field?.text ?? '')) return false
  const isOurs = (word: Word | undefined): boolean =>
    word?.kind === 'string' && (INTERFACE.test(word.text) || (field?.text === 'oifname' && VRF.test(word.text)))
  if (second?.kind === 'string') return isOurs(second)
  const isMap = second?.text === 'vmap'
  if ((isMap ? rest[0] : second)?.text !== '{') return false
  const from = statement.findIndex(({ text, kind }) => kind === 'mark' && text === '{') + 1
  const upTo = statement.findIndex(({ text, kind }) => kind === 'mark' && text === '}')
  return entriesOf(statement.slice(from, upTo)).every(
    ([key, ...value]) => isOurs(key) && (isMap ? value[0]?.text === ':' : value.length === 0),
  )
}

/** What commas part. Each MUST be looked at from its first word: nft takes a bare word for the name of an interface, too. */
function entriesOf(inside: readonly Word[]): Word[][] {
  const entries: Word[][] = [[]]
  for (const word of inside)
    if (word.kind === 'mark' && word.text === ',') entries.push([])
    else entries.at(-1)?.push(word)
  return entries
}

/**
 * Drops what comes by other interfaces for an address of ours, which nobody but our tunnels leads to: all that a script may say of
 * interfaces that are not ours. The loopback MUST be among those that it leaves alone.
 */
function isForOwnAddress(statement: readonly Word[], { sets, addresses }: Part): boolean {
  const texts = statement.map(({ text }) => text)
  const end = texts.indexOf('}')
  if (texts.slice(0, 3).join(' ') !== 'iifname != {' || !texts.slice(3, end).includes('lo')) return false
  const at = texts.indexOf('daddr')
  if (at < end || !['ip', 'ip6'].includes(texts[at - 1] ?? '')) return false
  const value = texts[at + 1] ?? ''
  const all = value.startsWith('@') ? elementsOf(sets.get(value.slice(1)) ?? []) : [value]
  return all.length > 0 && all.every((each) => addresses.has(each))
}

/** Of a set that is nothing but a list; of any other none. */
function elementsOf(body: readonly Word[]): readonly string[] {
  const text = body.flatMap((word) => (word.kind === 'end' ? [] : [word.text])).join(' ')
  return /^type ipv[46]_addr elements = \{ ([^{}=]+) \}$/.exec(text)?.[1]?.split(' , ') ?? []
}
