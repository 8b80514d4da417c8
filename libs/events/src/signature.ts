import { sign, verify, type KeyObject } from 'node:crypto'

/** The header of a message on NATS that says who announces it: a detached JWS. */
export const SIGNATURE_HEADER = 'Fed-Signature'

/** Two certificates and a subject take about 2,500 characters; whatever is much longer is not ours. */
const LONGEST = 16_384
const MOST_CERTIFICATES = 4
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Algorithm = 'ES256' | 'EdDSA'

/** What is signed along with the bytes of an event. */
export type Statement = {
  /** Where it is published: what was said as `fed.peer.revoked.x` can never be heard as `fed.peer.enrolled.x`. */
  readonly subject: string
  /** When it was signed, which is when it was published. */
  readonly at: Date
  /** The id of the event that was published before it: whoever hears all of them in order notices one that is withheld. */
  readonly after?: string | undefined
}

/** A signature as received: read, and not believed yet. */
export type Detached = Statement & {
  /** DER: the certificate of the key, then who issued it. */
  readonly chain: readonly Buffer[]
  /** The same as it was written, to know it again. */
  readonly chainText: string
  isOver(data: Uint8Array, key: KeyObject): boolean
}

/**
 * Signs the bytes of an event as they are published: a JWS with detached content (RFC 7515 appendix F) that is not encoded
 * (RFC 7797), so any JOSE library can check it, and nothing has to be written in one canonical way first.
 */
export function signDetached(
  data: Uint8Array,
  { subject, at, after }: Statement,
  { key, x5c }: { readonly key: KeyObject; readonly x5c: readonly string[] },
): string {
  const alg = algorithmOf(key)
  if (!alg) throw new Error(`events are signed with P-256 or Ed25519, not ${key.asymmetricKeyType}`)
  const header = {
    alg,
    b64: false,
    crit: ['b64'],
    x5c,
    iat: at.getTime() / 1_000,
    subject,
    ...(after !== undefined && { after }),
  }
  const encoded = Buffer.from(JSON.stringify(header)).toString('base64url')
  const signature = sign(DIGEST[alg], signingInput(encoded, data), { key, dsaEncoding: 'ieee-p1363' })
  return `${encoded}..${signature.toString('base64url')}`
}

/** Reads a signature; undefined for whatever is not exactly of our form. */
export function readDetached(text: string): Detached | undefined {
  const [, encoded, signature] = /^([\w-]+)\.\.([\w-]+)$/.exec(text.length <= LONGEST ? text : '') ?? []
  if (encoded === undefined || signature === undefined) return undefined
  const header = headerOf(encoded)
  if (!header) return undefined
  const { alg, x5c, iat, subject, after } = header
  return {
    subject,
    after,
    at: new Date(Math.round(iat * 1_000)),
    chain: x5c.map((der) => Buffer.from(der, 'base64')),
    chainText: x5c.join(' '),
    // The key says what it signs with: a header that names another algorithm is a forger's (RFC 8725 §3.1).
    isOver: (data, key) =>
      algorithmOf(key) === alg &&
      verify(
        DIGEST[alg],
        signingInput(encoded, data),
        { key, dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      ),
  }
}

type Header = {
  readonly alg: Algorithm
  readonly x5c: readonly string[]
  readonly iat: number
  readonly subject: string
  readonly after: string | undefined
}

function headerOf(encoded: string): Header | undefined {
  let said: unknown
  try {
    said = JSON.parse(Buffer.from(encoded, 'base64url').toString())
  } catch {
    return undefined
  }
  if (typeof said !== 'object' || said === null) return undefined
  const { alg, b64, crit, x5c, iat, subject, after } = said as Readonly<Record<string, unknown>> // an object has names
  if (alg !== 'ES256' && alg !== 'EdDSA') return undefined
  if (b64 !== false || !Array.isArray(crit) || crit.length !== 1 || crit[0] !== 'b64') return undefined
  if (!Array.isArray(x5c) || x5c.length > MOST_CERTIFICATES || !x5c.every((one) => typeof one === 'string'))
    return undefined
  if (typeof iat !== 'number' || !Number.isFinite(new Date(iat * 1_000).getTime())) return undefined
  if (after !== undefined && (typeof after !== 'string' || !UUID.test(after))) return undefined
  return typeof subject === 'string' ? { alg, x5c, iat, subject, after } : undefined
}

/** RFC 7797 §3: the header as it is encoded, a dot, the content as it is. */
function signingInput(encodedHeader: string, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${encodedHeader}.`, 'ascii'), data])
}

/** Ed25519 brings its own digest. */
const DIGEST: Readonly<Record<Algorithm, string | null>> = { ES256: 'sha256', EdDSA: null }

function algorithmOf(key: KeyObject): Algorithm | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA'
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined
}
