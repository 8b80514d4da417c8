import { canonicalAddress, canonicalCidr } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { Address, Id, Prefix } from '../world.ts'

type Objection = { readonly field: string; readonly why: string }
type Family = 'ip4' | 'ip6' | 'any'

/** The alphabet of each type of text that may reach WireGuard, nftables, FRR or OVN. Nothing else is passed on. */
const ALPHABETS = {
  id: [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'is no id (a uuid in lower case)'],
  name: [/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'is no name: 1 to 64 letters, digits, spaces, dots, hyphens and underscores'],
  slug: [/^[a-z0-9][a-z0-9-]{0,63}$/, 'is no slug: lower-case letters, digits and hyphens'],
  label: [/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is no name of a member: a host label of at most 63 characters'],
  tag: [/^[a-z0-9][a-z0-9_-]{0,62}$/, 'is no tag: lower-case letters, digits, hyphens and underscores'],
  tenant: [/^[a-z0-9][a-z0-9-]{0,47}$/, 'is no tenant key: lower-case letters, digits and hyphens, at most 48'],
  switchName: [/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/, 'is no name in OVN: letters, digits, _ . and -, at most 63'],
  mac: [/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/, 'is no MAC address of one port (lower case, not multicast)'],
  host: [/^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/, 'is no host name (lower case)'],
  asPath: [/^[0-9_^$.*+?()[\]|-]{1,128}$/, 'is no expression over AS paths: digits and _ ^ $ . * + ? ( ) [ ] | - only'],
  publicKey: [/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'is no public key: 32 bytes in base64'],
  endpoint: [/^((tcp|ssl):(\[[0-9a-f:.]+\]|[0-9.]+):[1-9][0-9]{0,4}|unix:\/[A-Za-z0-9/._-]{1,200})$/, 'is no endpoint: tcp:<address>:<port>, ssl:<address>:<port> or unix:<path>'],
  place: [/^(tag:[a-z0-9][a-z0-9_-]{0,62}|[A-Za-z0-9_.:/-]{1,128})$/, 'is no place: a member’s id or name, tag:<tag>, or an address'],
  reach: [/^(tag:[a-z0-9][a-z0-9_-]{0,62}|\[[0-9a-f:.]+\]|[A-Za-z0-9_./-]{1,128}):((tcp|udp)\/[1-9][0-9]{0,4}|icmp6)$/, 'is no destination: <place>:tcp/<port>, <place>:udp/<port> or <place>:icmp6'],
} as const satisfies Record<string, readonly [RegExp, string]> // prettier-ignore

type Alphabet = keyof typeof ALPHABETS

/**
 * Reads the fields of one record and notes what is wrong with each, so that whoever wrote it hears of everything at once.
 * What it returns for a field that is wrong is of no use: `settle` MUST be asked before anything is done with it.
 */
export class Reading {
  readonly #path: string
  readonly #objections: Objection[]

  constructor(path: string, objections: Objection[] = []) {
    this.#path = path
    this.#objections = objections
  }

  /** One level down: fields of what this field holds. */
  in(field: string): Reading {
    return new Reading(this.#path === '' ? field : `${this.#path}.${field}`, this.#objections)
  }

  object(field: string, why: string): void {
    this.#objections.push({ field: this.#path === '' ? field : `${this.#path}.${field}`, why })
  }

  /** Text of this alphabet and no other. */
  text(field: string, said: string, alphabet: Alphabet): string {
    const [pattern, why] = ALPHABETS[alphabet]
    if (!pattern.test(said)) this.object(field, `${shown(said)} ${why}`)
    return said
  }

  optional(field: string, said: string, alphabet: Alphabet): string | null {
    return said === '' ? null : this.text(field, said, alphabet)
  }

  ids(field: string, said: readonly string[]): readonly Id[] {
    for (const id of said) this.text(field, id, 'id')
    if (new Set(said).size < said.length) this.object(field, 'names one twice')
    return said
  }

  /** One of these words; empty: the first of them. */
  word<Word extends string>(field: string, said: string, words: readonly [Word, ...Word[]]): Word {
    if (said === '') return words[0]
    const word = words.find((one) => one === said)
    if (word === undefined) this.object(field, `${shown(said)} is none of ${words.join(', ')}`)
    return word ?? words[0]
  }

  number(
    field: string,
    said: number,
    { from, to, otherwise }: { from: number; to: number; otherwise?: number },
  ): number {
    if (said === 0 && otherwise !== undefined) return otherwise
    if (!Number.isInteger(said) || said < from || said > to)
      this.object(field, `${said} is not between ${from} and ${to}`)
    return said
  }

  /** Zero: none. */
  count(field: string, said: number): number | null {
    return said === 0 ? null : this.number(field, said, { from: 1, to: 2_147_483_647 })
  }

  ports(field: string, said: { readonly from: number; readonly to: number } | undefined, protocol: string) {
    if (!said) return { portFrom: null, portTo: null }
    if (protocol !== 'tcp' && protocol !== 'udp')
      this.object(field, `takes protocol tcp or udp: ${protocol} has no ports`)
    this.number(`${field}.from`, said.from, { from: 1, to: 65_535 })
    this.number(`${field}.to`, said.to, { from: 1, to: 65_535 })
    if (said.from > said.to) this.object(field, `${said.from} is above ${said.to}`)
    return { portFrom: said.from, portTo: said.to }
  }

  /** A prefix in its one spelling. Host bits are refused: somebody meant another one than was written. */
  prefix(field: string, said: string, family: Family = 'any'): Prefix {
    const canonical = said.includes('/') ? canonicalCidr(said) : undefined
    if (canonical === undefined) this.object(field, `${shown(said)} is no prefix, or has bits set behind its length`)
    else if (family !== 'any' && familyOf(canonical) !== family)
      this.object(field, `${canonical} is no ${FAMILIES[family]} prefix`)
    else if (/^::\d/.test(canonical)) this.object(field, `${canonical} is IPv4 written as IPv6`)
    return canonical ?? said
  }

  optionalPrefix(field: string, said: string, family: Family = 'any'): Prefix | null {
    return said === '' ? null : this.prefix(field, said, family)
  }

  prefixes(field: string, said: readonly string[], family: Family = 'any'): readonly Prefix[] {
    return [...new Set(said.map((one) => this.prefix(field, one, family)))].toSorted()
  }

  address(field: string, said: string, family: Family = 'any'): Address {
    const canonical = canonicalAddress(said)
    if (canonical === undefined) this.object(field, `${shown(said)} is no address`)
    else if (family !== 'any' && familyOf(canonical) !== family)
      this.object(field, `${canonical} is no ${FAMILIES[family]} address`)
    return canonical ?? said
  }

  /** Where a member is called: an address of this family, or a name. */
  endpointHost(field: string, said: string, family: 'ip4' | 'ip6'): string | null {
    if (said === '') return null
    const looksLikeAddress = said.includes(':') || /^[0-9.]+$/.test(said)
    return looksLikeAddress ? this.address(field, said, family) : this.text(field, said, 'host')
  }

  /** Throws, naming everything that was wrong. */
  settle(): void {
    const [first, ...others] = this.#objections
    if (!first) return
    const all = [first, ...others].slice(0, MOST_SHOWN).map(({ field, why }) => `${field}: ${why}`)
    const more = this.#objections.length - all.length
    throw new Refusal('INTENT_INVALID', `${all.join('; ')}${more > 0 ? `; and ${more} more` : ''}`, {
      metadata: { fields: [...new Set(this.#objections.map(({ field }) => field))].slice(0, MOST_SHOWN).join(',') },
    })
  }
}

const MOST_SHOWN = 20
const FAMILIES = { ip4: 'IPv4', ip6: 'IPv6' } as const

export const familyOf = (text: string): 'ip4' | 'ip6' => (text.includes(':') ? 'ip6' : 'ip4')

/** Fit for a line on a terminal, whatever somebody sent. */
export const shown = (said: string): string => JSON.stringify(said.length > 64 ? `${said.slice(0, 64)}…` : said)
