import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Refusal } from '../errors/refusal.ts'
import { checkAddress, type AddressPolicy } from './address-policy.ts'

/** Where a URL leads: what it says, and the addresses that may be dialled for it, in the order of the name service. */
export type ResolvedEndpoint = {
  readonly host: string
  readonly port: number
  readonly addresses: readonly string[]
}

export type Lookup = (host: string) => Promise<readonly string[]>

/**
 * Resolves the URL of another platform, and refuses it when any of its addresses is forbidden: an honest name has no
 * reason to lead to both a server and this machine.
 *
 * Callers MUST dial one of `addresses` as it is, and not the name: what a name resolves to can change between the
 * check and the call.
 */
export async function resolveEndpoint(
  url: string,
  policy: AddressPolicy,
  lookup: Lookup = allAddresses,
): Promise<ResolvedEndpoint> {
  const parsed = URL.parse(url)
  if (!parsed || parsed.protocol !== 'https:' || parsed.username || parsed.password) {
    throw new Refusal('URL_INVALID', 'the URL of a platform is https://host[:port], without a user', {
      metadata: { url: said(parsed) },
    })
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  const found = isIP(host) ? [host] : await resolved(host, lookup)
  const addresses = found.map((address) => checkAddress(address, policy))
  return { host, port: Number(parsed.port || HTTPS_PORT), addresses }
}

const HTTPS_PORT = 443

async function resolved(host: string, lookup: Lookup): Promise<readonly string[]> {
  const { addresses, why } = await lookup(host).then(
    (found) => ({ addresses: found, why: 'the name has no address' }),
    (error: unknown) => ({ addresses: [], why: whyNot(error) }),
  )
  if (addresses.length > 0) return addresses
  throw new Refusal('PEER_UNREACHABLE', `${host} cannot be resolved: ${why}`, { metadata: { host } })
}

/** For whoever calls it is the same, and not for whoever mends it: the one is their entry, the other our own resolver. */
function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return NOBODY_KNOWS.has(code) ? 'there is no such name' : `no name service answered${code && ` (${code})`}`
}

const NOBODY_KNOWS: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])

/** Every address, IPv6 and IPv4 as the system orders them. */
async function allAddresses(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address)
}

/** The URL without what might be a password. */
function said(url: URL | null): string {
  return url ? `${url.protocol}//${url.host}` : 'unreadable'
}
