import { type X509Certificate } from 'node:crypto'

/** Who a certificate speaks for: `spiffe://<trust-domain>/<kind>/<name>`. */
export type SpiffeId = {
  readonly trustDomain: string
  readonly kind: SpiffeKind
  readonly name: string
}

export type SpiffeKind = 'service' | 'operator' | 'peer' | 'instance'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const WORD = /^[a-z0-9][a-z0-9-]{0,62}$/

/** What the last part of the path may be. A kind without a row does not compile; a kind not listed is nobody. */
const NAME: Readonly<Record<SpiffeKind, RegExp>> = { service: WORD, operator: WORD, peer: UUID, instance: UUID }

const DOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
const LOOKS_LIKE_AN_ADDRESS = /(^|\.)[0-9]+$/

/**
 * Whether a text can be a trust domain: lower-case host labels, at most 255 characters (SPIFFE-ID §2.1), not an IP address.
 * An address is refused because URI name constraints speak of host names only (RFC 5280 §4.2.1.10), and Go enforces it.
 */
export function isTrustDomain(text: string): boolean {
  return text.length <= 255 && DOMAIN.test(text) && !LOOKS_LIKE_AN_ADDRESS.test(text)
}

/** The id as certificates carry it. Throws on a name that `parseSpiffeUri` would not read back. */
export function spiffeUri({ trustDomain, kind, name }: SpiffeId): string {
  const uri = `spiffe://${trustDomain}/${kind}/${name}`
  if (!parseSpiffeUri(uri)) throw new Error(`not a SPIFFE id of this mesh: ${JSON.stringify(uri)}`)
  return uri
}

/**
 * Reads an id byte for byte; undefined for anything that is not exactly of our form.
 * No case folding, no percent-decoding, no trailing slash: two spellings of one name are how one caller becomes another.
 */
export function parseSpiffeUri(uri: string): SpiffeId | undefined {
  const [, trustDomain = '', kind = '', name = ''] = /^spiffe:\/\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(uri) ?? []
  if (!isTrustDomain(trustDomain) || !isKind(kind) || !NAME[kind].test(name)) return undefined
  return { trustDomain, kind, name }
}

/**
 * Whom a certificate names: its one URI SAN. None, two, or one that is not ours: undefined, which callers MUST refuse
 * (X509-SVID §2: exactly one URI SAN). Says nothing of whether the certificate may be trusted.
 */
export function spiffeIdOf(cert: X509Certificate): SpiffeId | undefined {
  const uris = uriNamesOf(cert)
  return uris?.length === 1 ? parseSpiffeUri(uris[0] ?? '') : undefined
}

/**
 * The URI SANs of a certificate, or undefined when the list cannot be read with certainty.
 * Node quotes any name that holds a comma, a quote or a control character; nothing of ours ever needs that,
 * so a quoted name is somebody's attempt to look like two names, and the whole list is refused.
 */
function uriNamesOf(cert: X509Certificate): string[] | undefined {
  const names = cert.subjectAltName ?? ''
  if (names.includes('"')) return undefined
  return names
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length))
}

function isKind(text: string): text is SpiffeKind {
  return Object.hasOwn(NAME, text)
}
