import { isIP } from 'node:net'

/** An address as four words of 32 bits, IPv4 in its IPv6 form (::ffff:a.b.c.d). */
type Words = readonly [number, number, number, number]
export type Block = { readonly words: Words; readonly bits: number }

/**
 * The one spelling of a block: `10.1.0.0/16`, `2001:db8::/32`; an address alone is a block of one.
 * Undefined for what is no block, or has bits set behind its prefix: somebody meant another block than he wrote.
 */
export function canonicalCidr(text: string): string | undefined {
  const block = parseCidr(text)
  if (!block) return undefined
  return isV4(block.words) ? `${dotted(block.words)}/${block.bits - V4_BITS}` : `${coloned(block.words)}/${block.bits}`
}

/** The block that whoever wrote host bits may have meant: 10.1.0.0/16 for 10.1.2.3/16. Undefined for what is no block at all. */
export function enclosingCidr(text: string): string | undefined {
  const [, address = '', length] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  const words = parseAddress(address)
  const bits = Number(length) + (isIP(address) === 4 ? V4_BITS : 0)
  if (!words || bits > 128) return undefined
  const masked = words.map((word, index) => (word & maskOf(index, bits)) >>> 0)
  const [first = 0, second = 0, third = 0, fourth = 0] = masked
  const plain =
    isV4(words) && bits >= V4_BITS ? dotted([0, 0, 0xffff, fourth]) : coloned([first, second, third, fourth])
  return canonicalCidr(`${plain}/${isV4(words) && bits >= V4_BITS ? bits - V4_BITS : bits}`)
}

/** The one spelling of an address (RFC 5952), an IPv4-mapped one as IPv4. Undefined for what is none. */
export function canonicalAddress(text: string): string | undefined {
  const words = parseAddress(text)
  return words && (isV4(words) ? dotted(words) : coloned(words))
}

/** Whether an address lies in one of the blocks. What cannot be read, address or block, lies nowhere and holds nothing. */
export function inSomeCidr(cidrs: readonly string[], address: string): boolean {
  const words = knownAddress(address)
  return words !== undefined && cidrs.some((cidr) => holds(knownBlock(cidr), words))
}

/** Whether every address of one block lies in the other. What cannot be read holds nothing, and lies nowhere. */
export function cidrHolds(outer: string, inner: string): boolean {
  const [around, within] = [knownBlock(outer), knownBlock(inner)]
  return around !== undefined && within !== undefined && around.bits <= within.bits && holds(around, within.words)
}

/** Whether two blocks share an address: one of them lies in the other. */
export function cidrsOverlap(one: string, other: string): boolean {
  return cidrHolds(one, other) || cidrHolds(other, one)
}

/** A block read once, for whoever compares it with thousands. Undefined for what is none. */
export const readBlock = (text: string): Block | undefined => parseCidr(text)

/** Whether two blocks share an address: `cidrsOverlap` for blocks that were read. */
export function blocksOverlap(one: Block, other: Block): boolean {
  return one.bits <= other.bits ? holds(one, other.words) : holds(other, one.words)
}

/** IPv4 lies in IPv4 blocks only: `::/0` is every IPv6 address, and no other. */
function holds(block: Block | undefined, words: Words): boolean {
  if (!block || isV4(block.words) !== isV4(words)) return false
  return block.words.every((word, index) => ((word ^ (words[index] ?? 0)) & maskOf(index, block.bits)) === 0)
}

/** 4 or 6, and 0 for what is no address. */
export const ipVersion = (text: string): number => isIP(text)

const V4_BITS = 96

function parseCidr(text: string): Block | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const words = parseAddress(address)
  if (!words) return undefined
  const offset = isIP(address) === 4 ? V4_BITS : 0
  const bits = length === undefined ? 128 : Number(length) + offset
  const fits = bits <= 128 && words.every((word, index) => (word & ~maskOf(index, bits)) === 0)
  return fits ? { words, bits } : undefined
}

/** The bits of one word that a prefix of so many bits covers. */
function maskOf(index: number, bits: number): number {
  const covered = Math.min(32, Math.max(0, bits - index * 32))
  return covered === 0 ? 0 : -1 << (32 - covered)
}

function parseAddress(text: string): Words | undefined {
  const version = text.includes('%') ? 0 : isIP(text) // an address with a zone means something on one host only
  if (version === 4) return [0, 0, 0xffff, quad(text)]
  if (version !== 6) return undefined
  const [head = '', tail] = text.split('::', 2)
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0)
  const groups = [...before, ...gap, ...after]
  const word = (index: number): number => (((groups[index] ?? 0) << 16) | (groups[index + 1] ?? 0)) >>> 0
  return [word(0), word(2), word(4), word(6)]
}

/** The same addresses and blocks come with every call: read once, for as long as there are not too many. */
const knownAddress = remembering(parseAddress)
const knownBlock = remembering(parseCidr)
const MOST_KNOWN = 4_096

function remembering<T>(read: (text: string) => T): (text: string) => T | undefined {
  const known = new Map<string, T>()
  return (text) => {
    if (known.has(text)) return known.get(text)
    if (known.size === MOST_KNOWN) known.clear()
    const value = read(text)
    known.set(text, value)
    return value
  }
}

/** The groups of 16 bits in one side of an IPv6 address; its last may be an IPv4 address, which is two. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const word = quad(part)
    return [word >>> 16, word & 0xffff]
  })
}

const quad = (text: string): number => text.split('.').reduce((word, part) => ((word << 8) | Number(part)) >>> 0, 0)

const isV4 = ([first, second, third]: Words): boolean => first === 0 && second === 0 && third === 0xffff

const dotted = ([, , , word]: Words): string => [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join('.')

/** The longest run of at least two zero groups, the first of equals, becomes `::`. */
function coloned(words: Words): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff])
  let [from, length] = [0, 1]
  for (let start = 0; start < groups.length; start++) {
    let end = start
    while (groups[end] === 0) end++
    if (end - start > length) [from, length] = [start, end - start]
  }
  const text = (some: number[]): string => some.map((group) => group.toString(16)).join(':')
  return length < 2 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`
}
