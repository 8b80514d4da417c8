import { createHmac, createPublicKey } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { TokenIssuerSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { describe, expect, test } from 'vitest'
import { issuerFrom, TOKEN_TYPE, verifyToken, type Issuer } from './verify-token.ts'

const NOW = new Date('2026-03-01T12:00:00.000Z')
const SECONDS = NOW.getTime() / 1_000
const LOCAL = 'spiffe://a.example/service/grant-authz'
const OIDC = 'https://id.a.example'
const CERTIFICATE = 'certificate-of-the-connection'

const ours = await generateKeyPair('EdDSA')
const theirs = await generateKeyPair('ES256')
const another = await generateKeyPair('EdDSA')
const ourJwk = { ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'EdDSA' }
const theirJwk = { ...(await exportJWK(theirs.publicKey)), kid: 'k1', alg: 'ES256' }

const told = (change: object = {}) =>
  create(TokenIssuerSchema, {
    issuer: LOCAL,
    audience: 'powernode:a.example',
    algorithms: ['EdDSA'],
    jwksJson: JSON.stringify({ keys: [ourJwk] }),
    mustBeBound: true,
    ...change,
  })
const oidcTold = (change: object = {}) =>
  told({
    issuer: OIDC,
    audience: 'federation',
    algorithms: ['ES256'],
    jwksJson: JSON.stringify({ keys: [theirJwk] }),
    subjects: 'oidc',
    mustBeBound: false,
    ...change,
  })
const usable = (issuer: Issuer | string): Issuer => {
  if (typeof issuer === 'string') throw new Error(issuer)
  return issuer
}
const ISSUERS = [usable(issuerFrom(told())), usable(issuerFrom(oidcTold()))]

type Made = { claims?: object; header?: object; key?: CryptoKey | Uint8Array }

const CLAIMS = {
  iss: LOCAL,
  aud: 'powernode:a.example',
  sub: 'alice',
  iat: SECONDS - 60,
  exp: SECONDS + 60,
  cnf: { 'x5t#S256': CERTIFICATE },
}
const make = ({ claims = {}, header = {}, key = ours.privateKey }: Made = {}) =>
  new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k1', typ: TOKEN_TYPE, ...header })
    .sign(key)
const makeOidc = ({ claims = {}, header = {} }: Made = {}) =>
  make({
    claims: { iss: OIDC, aud: ['other', 'federation'], sub: 'subject-7', cnf: undefined, ...claims },
    header: { alg: 'ES256', typ: 'JWT', ...header },
    key: theirs.privateKey,
  })

const verify = (token: string, issuers = ISSUERS) =>
  verifyToken(issuers, { token, certificateSha256: CERTIFICATE, now: NOW })
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

test('a token of our own issuer, over the connection it is bound to, speaks for its subject', async () => {
  expect(await verify(await make())).toEqual({ subject: 'alice', isOidc: false })
})

test('a token of the OpenID Connect issuer speaks for whoever has its subject', async () => {
  expect(await verify(await makeOidc())).toEqual({ subject: 'subject-7', isOidc: true })
  expect(await verify(await makeOidc({ header: { typ: 'at+jwt' } }))).toMatchObject({ isOidc: true })
  expect(await verify(await makeOidc({ header: { typ: undefined } }))).toMatchObject({ isOidc: true })
})

describe('nobody is let in by', () => {
  const bad: Readonly<Record<string, [string, () => Promise<string> | string]>> = {
    'what is no token': ['it is not a signed JWT', () => 'abc'],
    'nothing at all': ['it is not a signed JWT', () => ''],
    'a token that says it needs no signature (alg none)': [
      'its algorithm is not one of the issuer’s',
      () => `${base64({ alg: 'none', typ: TOKEN_TYPE })}.${base64(CLAIMS)}.`,
    ],
    'one signed by HMAC with our public key (RFC 8725 §2.1)': [
      'its algorithm is not one of the issuer’s',
      () => {
        const body = `${base64({ alg: 'HS256', kid: 'k1', typ: TOKEN_TYPE })}.${base64(CLAIMS)}`
        const pem = createPublicKey({ key: ourJwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
        return `${body}.${createHmac('sha256', pem).update(body).digest('base64url')}`
      },
    ],
    'one signed with another key': ['its signature does not hold', () => make({ key: another.privateKey })],
    'one that was altered': [
      'its signature does not hold',
      async () => {
        const [header, , signature] = (await make()).split('.')
        return `${header}.${base64({ ...CLAIMS, sub: 'root' })}.${signature}`
      },
    ],
    'a kid that is a path': [
      'it is signed with a key that is not the issuer’s',
      () => make({ header: { kid: '../../etc/passwd' } }),
    ],
    'a kid that is a URL': [
      'it is signed with a key that is not the issuer’s',
      () => make({ header: { kid: 'https://evil.example/key.json' } }),
    ],
    'a key that the token brings along (jwk, jku, x5u)': [
      'its signature does not hold',
      async () =>
        make({
          key: another.privateKey,
          header: { jwk: await exportJWK(another.publicKey), jku: 'https://evil.example', x5u: 'https://evil.example' },
        }),
    ],
    'a header it says is critical and we do not know': [
      'it cannot be verified',
      async () => {
        const [, payload, signature] = (await make()).split('.')
        return `${base64({ alg: 'EdDSA', kid: 'k1', typ: TOKEN_TYPE, crit: ['x'], x: 1 })}.${payload}.${signature}`
      },
    ],
    'an issuer that is none of ours': [
      'its issuer is none of those taken here',
      () => make({ claims: { iss: 'https://evil.example' } }),
    ],
    'the name of our issuer, written otherwise': [
      'its issuer is none of those taken here',
      () => make({ claims: { iss: `${LOCAL}/` } }),
    ],
    'no issuer': ['its issuer is none of those taken here', () => make({ claims: { iss: undefined } })],
    'one of our issuers under the name of the other': [
      'its algorithm is not one of the issuer’s',
      () => make({ claims: { iss: OIDC, aud: 'federation' } }),
    ],
    'the token of another platform': [
      'its aud is not what it has to be',
      () => make({ claims: { aud: 'powernode:b.example' } }),
    ],
    'an audience that begins as ours': [
      'its aud is not what it has to be',
      () => make({ claims: { aud: 'powernode:a.example.org' } }),
    ],
    'no audience': ['its aud is not what it has to be', () => make({ claims: { aud: undefined } })],
    'an empty audience': ['its aud is not what it has to be', () => make({ claims: { aud: '' } })],
    'a token that expired this very second': ['it has expired', () => make({ claims: { exp: SECONDS } })],
    'one that never expires': ['its exp is not what it has to be', () => make({ claims: { exp: undefined } })],
    'one that is not valid yet': ['it is not valid yet', () => make({ claims: { nbf: SECONDS + 1 } })],
    'a token for something else': ['it is a token for something else', () => make({ header: { typ: 'JWT' } })],
    'a token without a type': ['it is a token for something else', () => make({ header: { typ: undefined } })],
    'a logout token of the OpenID Connect issuer': [
      'it is a token for something else',
      () => makeOidc({ header: { typ: 'logout+jwt' } }),
    ],
    'one that is bound to another certificate': [
      'it is not bound to the certificate of this connection',
      () => make({ claims: { cnf: { 'x5t#S256': 'of-somebody-else' } } }),
    ],
    'one of ours that is bound to none': [
      'it is not bound to the certificate of this connection',
      () => make({ claims: { cnf: undefined } }),
    ],
    'one that is bound in a way we do not know': [
      'it is not bound to the certificate of this connection',
      () => makeOidc({ claims: { cnf: { jkt: 'thumbprint' } } }),
    ],
    'an OpenID Connect token that is bound to another certificate': [
      'it is not bound to the certificate of this connection',
      () => makeOidc({ claims: { cnf: { 'x5t#S256': 'of-somebody-else' } } }),
    ],
    'one without a subject': ['its sub is not what it has to be', () => make({ claims: { sub: undefined } })],
    'one with an empty subject': ['it names no subject', () => make({ claims: { sub: '' } })],
  }

  test.each(Object.entries(bad))('%s', async (_, [problem, made]) => {
    const refusal = await expectRefusal(verify(await made()), 'TOKEN_INVALID')
    expect(refusal.metadata).toEqual({ problem })
  })

  test('a bound token where the connection shows no certificate at all', async () => {
    const token = await make({ claims: { cnf: { 'x5t#S256': '' } } })
    await expectRefusal(verifyToken(ISSUERS, { token, certificateSha256: '', now: NOW }), 'TOKEN_INVALID')
  })

  test('any token, while nobody issues them', async () => {
    await expectRefusal(verify(await make(), []), 'TOKEN_INVALID')
  })
})

describe('an issuer is not used', () => {
  test.each([
    ['without a name', { issuer: '' }, 'an issuer without a name'],
    // OpenFGA compared the audience only when one was set: CVE-2026-55689.
    ['without an audience (CVE-2026-55689)', { audience: '' }, `the issuer ${OIDC} without an audience`],
    ['without an algorithm', { algorithms: [] }, `the issuer ${OIDC} without an algorithm that can be taken`],
    ['with none', { algorithms: ['none'] }, `the issuer ${OIDC} without an algorithm that can be taken`],
    ['with HMAC', { algorithms: ['HS256'] }, `the issuer ${OIDC} without an algorithm that can be taken`],
    ['without keys', { jwksJson: '' }, `the issuer ${OIDC} without a readable set of public keys`],
    [
      'with a key that is no public one',
      { jwksJson: JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }) },
      `the issuer ${OIDC} without a readable set of public keys`,
    ],
    [
      'with a private key',
      { jwksJson: JSON.stringify({ keys: [{ ...theirJwk, d: 'secret' }] }) },
      `the issuer ${OIDC} without a readable set of public keys`,
    ],
  ])('%s', (_, change, why) => {
    expect(issuerFrom(oidcTold(change))).toBe(why)
  })

  test('with an algorithm it may not have, though it has others', async () => {
    const issuer = usable(issuerFrom(oidcTold({ algorithms: ['none', 'HS256', 'ES256'] })))
    expect(issuer.algorithms).toEqual(['ES256'])
  })
})
