import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** One household's IPv6 range: whoever holds one address of a /64 holds them all, so they count as one. */
const IPV6_HOUSEHOLD_GROUPS = 4

/**
 * Under which name the connections of an address are counted together.
 *
 * IPv4, also when it arrives mapped into IPv6, by address; IPv6 by its /64. What is no address at all (a socket that
 * closed before we looked) counts under one name of its own.
 */
export function sourceOf(address: string | undefined): string {
  if (!address || !ipaddr.isValid(address)) return 'unknown'
  if (isIPv4(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const groups = parsed.toNormalizedString().split(':').slice(0, IPV6_HOUSEHOLD_GROUPS)
  return `${groups.join(':')}::/64`
}
