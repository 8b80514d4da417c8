import { blocksOverlap, canonicalAddress, canonicalCidr, cidrHolds, readBlock } from '@powernode/policy'

/**
 * What we take from the control plane, letter by letter. It may have been taken over: whatever does not fit is refused before
 * any program sees it, and names outside these alphabets are not ours to touch.
 */

/** A tunnel of ours: base32 of the hash of a full id behind `wg-` (a network's) or `fx-` (to another platform). */
export const INTERFACE = /^(wg|fx)-[a-z2-7]{12}$/
/** As many keys as are registered at once. */
export const INTERFACES_MAX = 256
export const VRF = /^vr-[a-z2-7]{12}$/
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const VERSION = /^[0-9a-f]{64}$/
/** 32 bytes in base64. */
export const WIREGUARD_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/
export const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

/** Places that belong to every machine itself: none of them is a network's, and a route to them cuts something off. */
const NOBODYS = [
  '::/127',
  'fe80::/10',
  'ff00::/8',
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
].flatMap((cidr) => readBlock(cidr) ?? [])

/** No network is wider: two halves of everything would draw in all that a node sends, as a default route does. */
const SHORTEST = { v6: 16, v4: 8 }

/** Whether it is a prefix in its one spelling that a network may have: no default route, in parts either, and no machine's own places. */
export function isPrefix(text: string): boolean {
  if (text.length > 49 || bitsIn(text) < (isV6(text) ? SHORTEST.v6 : SHORTEST.v4)) return false
  const block = readBlock(text)
  return block !== undefined && canonicalCidr(text) === text && !NOBODYS.some((own) => blocksOverlap(own, block))
}

/** One address with its whole length: /128, or /32. */
export const isHostPrefix = (text: string): boolean => isPrefix(text) && text === `${bare(text)}/${bitsOf(bare(text))}`

/** The address of a neighbour at the other end of a tunnel (RFC 4291 §2.5.6): it is routed nowhere. */
export const isLinkLocal = (address: string): boolean =>
  canonicalAddress(address) === address && isV6(address) && cidrHolds('fe80::/64', `${address}/128`)

/** What an interface of ours may be called, or carry for its peer: one address, or a link-local one. */
export const isHostOrLinkLocal = (text: string): boolean =>
  isHostPrefix(text) || (/\/(64|128)$/.test(text) && isLinkLocal(bare(text)))

export const isAddress = (text: string): boolean =>
  canonicalAddress(text) === text && isPrefix(`${text}/${bitsOf(text)}`)

/** The address of a prefix. */
export const bare = (prefix: string): string => prefix.slice(0, prefix.lastIndexOf('/'))

const bitsIn = (prefix: string): number => Number(prefix.slice(prefix.lastIndexOf('/') + 1))

export const isV6 = (text: string): boolean => text.includes(':')

const bitsOf = (address: string): number => (isV6(address) ? 128 : 32)

export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535
