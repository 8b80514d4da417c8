import { canonicalAddress, canonicalCidr } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { Address, Prefix } from '../world.ts'
import { firstFree } from './order.ts'

/**
 * install /40 ▸ account /48 ▸ network /64 ▸ member /128: who is inside whom can be read off an address.
 *
 * The install's is drawn (RFC 4193 §3.2.2 wants it unlikely that two that meet have the same); each of the others follows from
 * an id, and from what is taken.
 */

const ACCOUNTS = 1n << 8n
const NETWORKS = 1n << 16n
const MEMBERS = 1n << 64n

/** fd, and 32 random bits: all of them in the prefix. `random` MUST be four bytes of a good source. */
export function installPrefix(random: Uint8Array): Prefix {
  const bits = Buffer.from(random).readUInt32BE(0)
  return written((0xfdn << 32n) | BigInt(bits), 40)
}

export function accountPrefix(install: Prefix, accountId: string, taken: ReadonlySet<Prefix>): Prefix {
  return inside({ around: install, length: 48, seed: `account/${accountId}`, size: ACCOUNTS, what: 'accounts of this installation' }, taken) // prettier-ignore
}

export function networkPrefix(account: Prefix, networkId: string, taken: ReadonlySet<Prefix>): Prefix {
  return inside({ around: account, length: 64, seed: `network/${networkId}`, size: NETWORKS, what: 'networks of this account' }, taken) // prettier-ignore
}

/** Not the network's first address: that is every router's (RFC 4291 §2.6.1). */
export function memberAddress(network: Prefix, memberId: string, taken: ReadonlySet<Address>): Address {
  const base = bitsOf(network) << 64n
  const address = (place: bigint): Address => plain(base | place)
  const found = firstFree(`member/${memberId}`, MEMBERS, (place) => place === 0n || taken.has(address(place)))
  if (found === undefined) throw exhausted(network, 'members of this network')
  return address(found)
}

type Space = { readonly around: Prefix; readonly length: number; readonly seed: string; readonly size: bigint; readonly what: string } // prettier-ignore

function inside({ around, length, seed, size, what }: Space, taken: ReadonlySet<Prefix>): Prefix {
  const base = bitsOf(around) * size
  const prefix = (place: bigint): Prefix => written(base + place, length)
  const found = firstFree(seed, size, (place) => taken.has(prefix(place)))
  if (found === undefined) throw exhausted(around, what)
  return prefix(found)
}

const exhausted = (around: Prefix, what: string): Refusal =>
  new Refusal('ADDRESS_SPACE_EXHAUSTED', `${around} is full: no prefix or address is left for more ${what}`, {
    metadata: { space: around },
  })

/** The number that the bits of a prefix are. */
function bitsOf(prefix: Prefix): bigint {
  const [address = '', length = '128'] = prefix.split('/')
  return wholeOf(address) >> (128n - BigInt(length))
}

/** An address as a number. */
function wholeOf(address: Address): bigint {
  const [head = '', tail] = address.split('::', 2)
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...gap, ...after].reduce((all, group) => (all << 16n) | BigInt(`0x${group}`), 0n)
}

const spelled = (whole: bigint): string =>
  (whole.toString(16).padStart(32, '0').match(/.{4}/g) ?? []).map((group) => group.replace(/^0+(?=.)/, '')).join(':')

function written(bits: bigint, length: number): Prefix {
  const prefix = canonicalCidr(`${spelled(bits << BigInt(128 - length))}/${length}`)
  if (prefix === undefined) throw new Error(`${bits} is no prefix of ${length} bits`)
  return prefix
}

function plain(whole: bigint): Address {
  const address = canonicalAddress(spelled(whole))
  if (address === undefined) throw new Error(`${whole} is no address`)
  return address
}
