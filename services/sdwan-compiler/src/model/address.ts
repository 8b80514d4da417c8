/**
 * Addresses and prefixes as strings of bits, so that "lies in" is a comparison of beginnings. Read anew here, not shared with
 * the compiler: who judges its output MUST NOT repeat its mistakes.
 */
export type Ip = {
  readonly family: 4 | 6
  /** 8 or 32 hexadecimal digits. */
  readonly hex: string
}

export type Net = Ip & { readonly length: number }

const known = new Map<string, Ip | undefined>()
const KNOWN_AT_MOST = 100_000

/** Undefined for what is no address in canonical text. */
export function ipOf(text: string): Ip | undefined {
  if (known.has(text)) return known.get(text)
  if (known.size >= KNOWN_AT_MOST) known.clear()
  const hex = text.includes(':') ? hexOf6(text) : hexOf4(text)
  const ip: Ip | undefined = hex === undefined ? undefined : { family: hex.length === 8 ? 4 : 6, hex }
  known.set(text, ip)
  return ip
}

/** `fd00::/8`; an address alone is a prefix of one. Undefined for anything else, host bits included. */
export function netOf(text: string): Net | undefined {
  const slash = text.indexOf('/')
  const ip = ipOf(slash < 0 ? text : text.slice(0, slash))
  if (!ip) return undefined
  const bits = ip.hex.length * 4
  const length = slash < 0 ? bits : Number(text.slice(slash + 1))
  if (!Number.isInteger(length) || length < 0 || length > bits) return undefined
  if (slash >= 0 && text.slice(slash + 1) !== String(length)) return undefined
  return masked(ip.hex, length).padEnd(ip.hex.length, '0') === ip.hex ? { ...ip, length } : undefined
}

export function mustIp(text: string): Ip {
  const ip = ipOf(text)
  if (!ip) throw new Error(`not an address: ${text}`)
  return ip
}

export function mustNet(text: string): Net {
  const net = netOf(text)
  if (!net) throw new Error(`not a prefix: ${text}`)
  return net
}

export function holds(net: Net, ip: Ip): boolean {
  return net.family === ip.family && masked(ip.hex, net.length) === masked(net.hex, net.length)
}

export function covers(outer: Net, inner: Net): boolean {
  return outer.length <= inner.length && holds(outer, inner)
}

/** The first so many bits, in digits; the last digit without the bits that are not asked for. */
export function masked(hex: string, length: number): string {
  const whole = hex.slice(0, length >> 2)
  const rest = length & 3
  if (rest === 0) return whole
  const digit = Number.parseInt(hex.charAt(length >> 2), 16)
  return whole + (digit & (0xf0 >> rest) & 0xf).toString(16)
}

/** The values of prefixes; the longest that holds an address wins. */
export class PrefixTable<T> {
  readonly #lengths: { 4: number[]; 6: number[] } = { 4: [], 6: [] }
  readonly #byKey = new Map<string, { net: Net; value: T }>()

  /** Another with the same in it: what is put into one is not in the other. */
  copy(): PrefixTable<T> {
    const other = new PrefixTable<T>()
    other.#lengths[4].push(...this.#lengths[4])
    other.#lengths[6].push(...this.#lengths[6])
    for (const [key, entry] of this.#byKey) other.#byKey.set(key, entry)
    return other
  }

  /** The value that stood there before, if any: it is replaced, as the kernel does. */
  put(net: Net, value: T): T | undefined {
    const key = keyOf(net, net.length)
    const before = this.#byKey.get(key)
    this.#byKey.set(key, { net, value })
    const lengths = this.#lengths[net.family]
    if (!lengths.includes(net.length))
      lengths.splice(lengths.filter((length) => length > net.length).length, 0, net.length)
    return before?.value
  }

  lookup(ip: Ip): { readonly net: Net; readonly value: T } | undefined {
    for (const length of this.#lengths[ip.family]) {
      const found = this.#byKey.get(keyOf(ip, length))
      if (found) return found
    }
    return undefined
  }

  /** Every prefix that holds the address, the longest first. */
  *all(ip: Ip): Generator<{ readonly net: Net; readonly value: T }> {
    for (const length of this.#lengths[ip.family]) {
      const found = this.#byKey.get(keyOf(ip, length))
      if (found) yield found
    }
  }

  exact(net: Net): T | undefined {
    return this.#byKey.get(keyOf(net, net.length))?.value
  }

  entries(): IterableIterator<{ readonly net: Net; readonly value: T }> {
    return this.#byKey.values()
  }
}

function keyOf(ip: Ip, length: number): string {
  return length === ip.hex.length * 4 ? ip.hex : `${masked(ip.hex, length)}/${length}/${ip.family}`
}

function hexOf4(text: string): string | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return parts.map((part) => Number(part).toString(16).padStart(2, '0')).join('')
}

function hexOf6(text: string): string | undefined {
  if (!/^[0-9a-f:]+$/.test(text)) return undefined
  const [before = '', after, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const missing = 8 - head.length - tail.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined
  return groups.map((group) => group.padStart(4, '0')).join('')
}
