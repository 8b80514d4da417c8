import ipaddr from 'ipaddr.js'
import { usage } from '../problem.ts'

/**
 * The addresses to ask about for --from: the one that was typed, or the first and the last of a range.
 *
 * Ranges in grants nest or are apart, so a range asked about lies wholly in one of them only if both its ends do.
 */
export function endsOfRange(text: string): string[] {
  if (!text.includes('/')) {
    if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)) return [text]
    throw usage(`"${text}" is no address`, '--from 192.0.2.7, or a range: --from 10.20.0.0/16')
  }
  const [address = ''] = text.split('/')
  const isWhole = address.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(address)
  if (!isWhole || !ipaddr.isValidCIDR(text)) throw usage(`"${text}" is no range of addresses`, '--from 10.20.0.0/16')
  const family = text.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
  const [first, last] = [family.networkAddressFromCIDR(text), family.broadcastAddressFromCIDR(text)].map(String)
  return first === last ? [String(first)] : [String(first), String(last)]
}
