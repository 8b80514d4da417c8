import { netOf } from '../address.ts'
import { type Cursor, readList } from './words.ts'

/** What is looked at in a packet. */
export type Field =
  | 'iifname'
  | 'oifname'
  | 'sdifname'
  | 'fib'
  | 'way back'
  | 'family'
  | 'protocol'
  | 'saddr4'
  | 'saddr6'
  | 'daddr4'
  | 'daddr6'
  | 'sport'
  | 'dport'
  | 'icmp'
  | 'ct state'
  | 'ct mark'
  | 'ct status'
  | 'ct direction'
  | 'ct count'
  | 'limit'

/** One comparison; `@name` among the values stands for a set of the table. */
export type Match = { readonly field: Field; readonly not: boolean; readonly values: readonly string[] }

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'continue' | 'masquerade' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'dnat' | 'snat'; readonly address: string; readonly port: number | undefined }
  | { readonly kind: 'map'; readonly field: Field; readonly cases: ReadonlyMap<string, Verdict> }

export type Rule = {
  readonly matches: readonly Match[]
  readonly verdict: Verdict
  /** The comment: the id of the rule of intent, where there is one. */
  readonly comment: string | undefined
  /** Where the connections are kept that it speaks of: said before they are looked up. */
  readonly zone?: number
}

/** What is named by several words, longest first: field, and the protocol that naming it asks for. */
const FIELDS: readonly (readonly [words: readonly string[], field: Field, implied?: readonly string[]])[] = [
  [['meta', 'iifname'], 'iifname'],
  [['meta', 'oifname'], 'oifname'],
  [['meta', 'sdifname'], 'sdifname'],
  [['fib', 'daddr', 'type'], 'fib'],
  [['fib', 'saddr', '.', 'iif', 'oif'], 'way back'],
  [['iifname'], 'iifname'],
  [['oifname'], 'oifname'],
  [['meta', 'nfproto'], 'family'],
  [['meta', 'l4proto'], 'protocol'],
  [['ip6', 'nexthdr'], 'protocol'],
  [['ip', 'protocol'], 'protocol'],
  [['ip6', 'saddr'], 'saddr6'],
  [['ip6', 'daddr'], 'daddr6'],
  [['ip', 'saddr'], 'saddr4'],
  [['ip', 'daddr'], 'daddr4'],
  [['tcp', 'sport'], 'sport', ['tcp']],
  [['udp', 'sport'], 'sport', ['udp']],
  [['th', 'sport'], 'sport'],
  [['tcp', 'dport'], 'dport', ['tcp']],
  [['udp', 'dport'], 'dport', ['udp']],
  [['th', 'dport'], 'dport'],
  [['icmpv6', 'type'], 'icmp', ['icmpv6']],
  [['icmp', 'type'], 'icmp', ['icmp']],
  [['ct', 'state'], 'ct state'],
  [['ct', 'mark'], 'ct mark'],
  [['ct', 'status'], 'ct status'],
  [['ct', 'direction'], 'ct direction'],
]

export function readRule(cursor: Cursor): Rule {
  const matches: Match[] = []
  let verdict: Verdict = { kind: 'continue' }
  let comment: string | undefined
  let zone: number | undefined
  while (!cursor.closes) {
    if (verdict.kind !== 'continue' && cursor.next !== 'comment') {
      throw new Error(`nft: ${cursor.next ?? 'nothing'} stands behind a verdict`)
    }
    if (cursor.takes('counter')) continue
    if (cursor.takes('ct', 'zone', 'set')) {
      zone = Number(cursor.take())
      continue
    }
    if (cursor.takes('comment')) comment = cursor.take()
    else if (cursor.takes('ct', 'count', 'over'))
      matches.push({ field: 'ct count', not: false, values: [cursor.take()] })
    else if (cursor.takes('limit', 'rate', 'over'))
      matches.push({ field: 'limit', not: false, values: readRate(cursor) })
    else verdict = readMatch(cursor, matches) ?? readVerdict(cursor)
  }
  return { matches, verdict, comment, ...(zone === undefined ? {} : { zone }) }
}

/** Takes one comparison. Undefined when none begins here; a verdict when it was a verdict map. */
function readMatch(cursor: Cursor, matches: Match[]): Verdict | undefined {
  const found = FIELDS.find(([words]) => cursor.takes(...words))
  if (!found) return undefined
  const [, field, implied] = found
  if (implied && !matches.some((match) => match.field === 'protocol' && match.values.join() === implied.join())) {
    matches.push({ field: 'protocol', not: false, values: implied })
  }
  if (cursor.takes('vmap')) return { kind: 'map', field, cases: readCases(cursor) }
  const not = cursor.takes('!=')
  const values = cursor.takes('{') ? readList(cursor) : readPlain(cursor)
  checkFamily(field, values)
  matches.push({ field, not, values })
  return { kind: 'continue' }
}

/** nft takes no address of one family in the other's place. */
function checkFamily(field: Field, values: readonly string[]): void {
  const family = /^[sd]addr([46])$/.exec(field)?.[1]
  const odd = values.find((value) => !value.startsWith('@') && String(netOf(value)?.family) !== family)
  if (family !== undefined && odd !== undefined) throw new Error(`nft: ${odd} is no address of IPv${family}`)
}

/** One value, or `established,related`. */
function readPlain(cursor: Cursor): readonly string[] {
  const values = [cursor.take()]
  while (cursor.takes(',')) values.push(cursor.take())
  return values
}

function readCases(cursor: Cursor): ReadonlyMap<string, Verdict> {
  const cases = new Map<string, Verdict>()
  cursor.expect('{')
  for (cursor.skipEnds(); !cursor.takes('}'); cursor.skipEnds()) {
    const value = cursor.take()
    cursor.expect(':')
    cases.set(value, readVerdict(cursor))
    cursor.skipEnds()
    cursor.takes(',')
  }
  return cases
}

/** `10/second`, `burst 5 packets`. */
function readRate(cursor: Cursor): readonly string[] {
  const rate = cursor.take()
  if (!/^\d+\/second$/.test(rate)) throw new Error(`nft: unknown rate: ${rate}`)
  if (cursor.takes('burst')) {
    cursor.take()
    cursor.expect('packets')
  }
  return [rate]
}

function readVerdict(cursor: Cursor): Verdict {
  const word = cursor.take()
  switch (word) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'masquerade':
      return { kind: word }
    case 'reject':
      if (cursor.takes('with')) while (!cursor.closes && cursor.next !== 'comment') cursor.take()
      return { kind: 'reject' }
    case 'jump':
    case 'goto':
      return { kind: word, chain: cursor.take() }
    case 'dnat':
    case 'snat': {
      if (!cursor.takes('ip6')) cursor.takes('ip')
      cursor.expect('to')
      return { kind: word, ...readTarget(cursor.take()) }
    }
    default:
      throw new Error(`nft: unknown word: ${word}`)
  }
}

function readTarget(text: string): { readonly address: string; readonly port: number | undefined } {
  const match = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)|([0-9a-f:]*::?[0-9a-f:]*))(?::(\d+))?$/.exec(text)
  const address = match?.[1] ?? match?.[2] ?? match?.[3]
  if (address === undefined) throw new Error(`nft: not a place to translate to: ${text}`)
  return { address, port: match?.[4] === undefined ? undefined : Number(match[4]) }
}
