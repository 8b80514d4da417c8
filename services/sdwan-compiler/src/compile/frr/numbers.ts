import { hash } from 'node:crypto'
import type { AccountBgp, Address, Id, Member } from '../../world.ts'
import { byId } from '../world-index.ts'
import { isAddress } from '../alphabets.ts'

/** The last that is no reserved word (RFC 7300). */
export const GREATEST_AS_NUMBER = 4_294_967_294

/**
 * A router id for every member, by its id: what was chosen for it, else 32 bits of the hash of its address. No two alike (two
 * routers with one id drop each other's routes), so whoever comes later by id moves on to the hash with the next salt. The first
 * octet is never 0.
 */
export function routerIds(members: readonly Member[]): ReadonlyMap<Id, Address> {
  const known = made.get(members)
  if (known) return known
  const ids = chosenAndDerived(members)
  made.set(members, ids)
  return ids
}

/** They depend on everybody, and are asked for by each: made once for a list. */
const made = new WeakMap<readonly Member[], ReadonlyMap<Id, Address>>()

function chosenAndDerived(members: readonly Member[]): ReadonlyMap<Id, Address> {
  const chosen = members.filter(
    (member) => member.routerIdOverride !== undefined && isRouterId(member.routerIdOverride),
  )
  const ids = new Map(chosen.map(({ id, routerIdOverride = '' }) => [id, routerIdOverride]))
  const taken = new Set(ids.values())
  for (const { id, address } of isSorted(members) ? members : byId(members)) {
    if (ids.has(id)) continue
    let salt = 0
    let derived = hashed(address)
    while (taken.has(derived)) derived = hashed(`${address}#${++salt}`)
    taken.add(derived)
    ids.set(id, derived)
  }
  return ids
}

const isSorted = (members: readonly Member[]): boolean =>
  members.every(({ id }, at) => id >= (members[at - 1]?.id ?? ''))

export const isRouterId = (text: Address): boolean => isAddress(text) && text.includes('.') && !text.startsWith('0.')

/** With `explicit`, whoever has none chosen for it is told of, and given a derived one all the same. */
export const lacksRouterId = ({ routerIdStrategy }: AccountBgp, member: Member): boolean =>
  routerIdStrategy === 'explicit' && member.routerIdOverride === undefined

/** The same addresses come with every compile. */
const known = new Map<string, Address>()
const MOST_KNOWN = 65_536

function hashed(text: string): Address {
  const before = known.get(text)
  if (before !== undefined) return before
  const digest = hash('sha256', text, 'buffer')
  const octets = [...digest.subarray(0, 4)]
  const id = [octets[0] === 0 ? 1 : octets[0], ...octets.slice(1)].join('.')
  if (known.size === MOST_KNOWN) known.clear()
  known.set(text, id)
  return id
}
