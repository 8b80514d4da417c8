import ipaddr from 'ipaddr.js'
import { Refusal } from '../errors/refusal.ts'

/** What kind of place an IP address leads to. */
export type AddressKind =
  'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'multicast' | 'unspecified' | 'reserved'

/** Which places a URL that somebody else chose may lead us to. */
export type AddressPolicy = { readonly allow: readonly AddressKind[] }

/** For platforms on real networks: other hosts, never this one nor what the cloud underneath keeps for it. */
export const DEFAULT_ADDRESS_POLICY: AddressPolicy = { allow: ['public', 'private'] }

/** Where clouds answer the machine itself, with its credentials. Those of link-local ranges need no row of their own. */
const METADATA = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
])

/** ipaddr.js's ranges in our words. A range without a row is `reserved`, so that a new one is refused. */
const KINDS: Readonly<Record<string, AddressKind>> = {
  unicast: 'public',
  private: 'private',
  uniqueLocal: 'private',
  carrierGradeNat: 'private',
  loopback: 'loopback',
  linkLocal: 'link-local',
  multicast: 'multicast',
  broadcast: 'multicast',
  unspecified: 'unspecified',
}

/** Refuses an address that the policy does not allow; returns it in its one spelling, which is the one to dial. */
export function checkAddress(address: string, { allow }: AddressPolicy): string {
  const kind = kindOfAddress(address)
  if (!allow.includes(kind)) {
    throw new Refusal(
      'URL_FORBIDDEN',
      `${address} is ${kind === 'metadata' ? 'a metadata service' : `a ${kind} address`}, where this platform calls nobody`,
      {
        metadata: { address, kind },
      },
    )
  }
  return ipaddr.process(address).toString()
}

/** Which kind an address is; an IPv6 address that carries an IPv4 address is what that one is. */
export function kindOfAddress(address: string): AddressKind {
  if (!ipaddr.isValid(address)) return 'reserved'
  const parsed = ipaddr.process(address)
  if (METADATA.has(parsed.toString())) return 'metadata'
  const carried = parsed.kind() === 'ipv6' ? carriedIpv4(parsed.toByteArray(), parsed.range()) : undefined
  return carried ? kindOfAddress(carried) : (KINDS[parsed.range()] ?? 'reserved')
}

/** NAT64 (RFC 6052) holds the IPv4 address at the end, 6to4 (RFC 3056) behind its prefix. */
function carriedIpv4(bytes: readonly number[], range: string): string | undefined {
  if (range === 'rfc6052' || range === 'rfc6145') return bytes.slice(12).join('.')
  if (range === '6to4') return bytes.slice(2, 6).join('.')
  return undefined
}
