import { createLocalJWKSet, decodeJwt, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import type { TokenIssuer } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { z } from 'zod'

/** The type that our own tokens carry (RFC 8725 §3.11): nothing else that we sign can be taken for one. */
export const TOKEN_TYPE = 'powernode-operator+jwt'

/** What issuers of others call an ID token or an access token; some say nothing. */
const OIDC_TYPES: readonly (string | undefined)[] = ['jwt', 'at+jwt', undefined]

/** Every signature that is ever taken. MUST NOT hold `none`, nor an HMAC: the keys we have are public. */
const ALGORITHMS: readonly string[] = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256']

/** An issuer whose tokens are taken, with its keys ready for use. */
export type Issuer = {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: string[]
  readonly keys: ReturnType<typeof createLocalJWKSet>
  readonly isOidc: boolean
  readonly mustBeBound: boolean
}

const jwkSet = z.looseObject({
  keys: z.array(z.looseObject({ kty: z.enum(['OKP', 'EC', 'RSA']), d: z.undefined().optional() })),
})

/**
 * An issuer as it can be used, or why it cannot: then nobody is let in by it.
 *
 * Everything that a token is compared with MUST be there. An audience that is not set would be a check that is not made:
 * that is how OpenFGA let in tokens that were made for somebody else (CVE-2026-55689).
 */
export function issuerFrom(told: TokenIssuer): Issuer | string {
  if (told.issuer === '') return 'an issuer without a name'
  if (told.audience === '') return `the issuer ${told.issuer} without an audience`
  const algorithms = told.algorithms.filter((algorithm) => ALGORITHMS.includes(algorithm))
  if (algorithms.length === 0) return `the issuer ${told.issuer} without an algorithm that can be taken`
  const keys = keysFrom(told.jwksJson)
  if (!keys) return `the issuer ${told.issuer} without a readable set of public keys`
  const { issuer, audience, mustBeBound } = told
  return { issuer, audience, algorithms, keys, mustBeBound, isOidc: told.subjects === 'oidc' }
}

function keysFrom(json: string): ReturnType<typeof createLocalJWKSet> | undefined {
  try {
    const set = JSON.parse(json) as JSONWebKeySet // looked at key by key, in the next line
    jwkSet.parse(set)
    return createLocalJWKSet(set)
  } catch {
    return undefined
  }
}

export type Shown = { readonly token: string; readonly certificateSha256: string; readonly now: Date }

/**
 * Whom a token speaks for, by its issuer; throws TOKEN_INVALID for every other token.
 *
 * The issuer is picked by `iss`, and brings everything else: keys, algorithms, audience. Nothing in the token says where
 * a key is or which algorithm is good enough: `kid` is only looked up, `jku`, `x5u` and `jwk` are not looked at.
 */
export async function verifyToken(
  issuers: readonly Issuer[],
  { token, certificateSha256, now }: Shown,
): Promise<{ subject: string; isOidc: boolean }> {
  const issuer = issuers.find(({ issuer: name }) => name === claimedIssuer(token))
  if (!issuer) throw invalid('its issuer is none of those taken here')
  const { payload, typ } = await verified(issuer, token, now)
  refuseType(issuer, typ)
  refuseBinding(issuer, payload, certificateSha256)
  if (typeof payload.sub !== 'string' || payload.sub === '') throw invalid('it names no subject')
  return { subject: payload.sub, isOidc: issuer.isOidc }
}

function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    throw invalid('it is not a signed JWT')
  }
}

async function verified(
  { keys, issuer, audience, algorithms }: Issuer,
  token: string,
  now: Date,
): Promise<{ payload: JWTPayload; typ: string | undefined }> {
  try {
    const options = { issuer, audience, algorithms, currentDate: now, requiredClaims: ['iss', 'aud', 'sub', 'exp'] }
    const { payload, protectedHeader } = await jwtVerify(token, keys, options)
    return { payload, typ: protectedHeader.typ }
  } catch (error) {
    throw invalid(problemOf(error))
  }
}

/** What is wrong, in words for whoever sent it. What jose does not explain is not explained further. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' ? 'it is not valid yet' : `its ${error.claim} is not what it has to be`
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not one of the issuer’s'
  if (error instanceof errors.JWKSNoMatchingKey) return 'it is signed with a key that is not the issuer’s'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not hold'
  return 'it cannot be verified'
}

function refuseType({ isOidc }: Issuer, typ: string | undefined): void {
  const said = typ?.toLowerCase().replace(/^application\//, '')
  if (isOidc ? OIDC_TYPES.includes(said) : said === TOKEN_TYPE) return
  throw invalid('it is a token for something else')
}

/** A token that is bound is good over the connection of one certificate only (RFC 8705): found elsewhere, it is worth nothing. */
function refuseBinding({ mustBeBound }: Issuer, { cnf }: JWTPayload, certificateSha256: string): void {
  if (cnf === undefined && !mustBeBound) return
  const bound = z.looseObject({ 'x5t#S256': z.string().min(1) }).safeParse(cnf)
  if (bound.success && bound.data['x5t#S256'] === certificateSha256) return
  throw invalid('it is not bound to the certificate of this connection')
}

function invalid(problem: string): Refusal {
  return new Refusal('TOKEN_INVALID', `the bearer token is not taken: ${problem}`, {
    metadata: { problem },
    next: 'get a new one: fedctl operator token',
  })
}
