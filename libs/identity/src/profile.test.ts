import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  checkLeafProfile,
  checkRootProfile,
  spiffeUri,
  type Authority,
  type SpiffeId,
  type TlsMaterial,
} from './index.ts'
import {
  BAD_CERTIFICATES,
  forgeAuthority,
  forgeCertificate,
  makeTestAuthority,
  makeTestIdentity,
  type BadCertificate,
  type Forgery,
} from './testing.ts'
import { x509 } from './x509.ts'
import { shakeHands } from './testing/handshake.ts'

const REGISTRY: SpiffeId = { trustDomain: 'a.example', kind: 'service', name: 'peer-registry' }
const now = systemClock.now()
const { digitalSignature, keyAgreement, keyCertSign, cRLSign } = x509.KeyUsageFlags
let dir: string
let authority: Authority
let good: TlsMaterial
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'profile-'))
  authority = await makeTestAuthority('a.example')
  good = await makeTestIdentity(authority, REGISTRY, dir)
})
afterAll(() => rmSync(dir, { recursive: true }))

/** Who turns each away: OpenSSL in the handshake (a code of Node's; for a name constraint and a non-CA signer it has none), and our profile on the certificate alone. */
const VERDICTS: Readonly<Record<BadCertificate, readonly [openssl: string, profile: string]>> = {
  expired: ['CERT_HAS_EXPIRED', 'expired'],
  'not yet valid': ['CERT_NOT_YET_VALID', 'not-yet-valid'],
  'without SPIFFE id': ['-', 'uri-san'],
  'with two URI SANs': ['-', 'uri-san'],
  'of another trust domain': ['UNSPECIFIED', 'trust-domain'],
  'self-signed': ['DEPTH_ZERO_SELF_SIGNED_CERT', '-'],
  'without extended key usage': ['-', 'extended-key-usage'],
  'signed by a leaf': ['UNSPECIFIED', '-'],
  'that may itself sign': ['INVALID_PURPOSE', 'is-a-ca'],
  'of a foreign CA of the same name': ['SELF_SIGNED_CERT_IN_CHAIN', '-'],
  'of a CA bound to nothing': ['SELF_SIGNED_CERT_IN_CHAIN', '-'],
}

test.each(Object.entries(VERDICTS))('a certificate %s gets nobody in', async (name, [openssl, profile]) => {
  const bad = await BAD_CERTIFICATES[name as BadCertificate](authority, REGISTRY)
  const met = await shakeHands(good, bad)
  const verdict = checkLeafProfile(new X509Certificate(bad.cert), { now, trustDomain: 'a.example', usage: 'client' })
  expect([met.authorized ? '-' : met.error, verdict.ok ? '-' : verdict.problem]).toEqual([openssl, profile])
  expect(met.authorized && verdict.ok).toBe(false)
})

test('and a good one does', async () => {
  const met = await shakeHands(good, good)
  expect(met.authorized).toBe(true)
  for (const usage of ['server', 'client'] as const) {
    expect(checkLeafProfile(new X509Certificate(good.cert), { now, trustDomain: 'a.example', usage })).toEqual({
      ok: true,
    })
  }
})

test.each<[string, Partial<Forgery>]>([
  ['is-a-ca', { ca: true, keyUsage: digitalSignature }],
  ['is-a-ca', { keyUsage: digitalSignature | keyCertSign }],
  ['is-a-ca', { keyUsage: digitalSignature | cRLSign }],
  ['key-usage', { keyUsage: keyAgreement }],
  ['key-type', { publicKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey }],
  ['key-type', { publicKey: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey }],
  ['key-type', { publicKey: lowOrderKey() }],
  ['signature-algorithm', { hash: 'SHA-1' }],
])('a leaf is refused for its %s, %o', async (problem, fault) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { certificate: authority.issuingCertificate, key: authority.issuingKey }
  const der = await forgeCertificate({ publicKey, issuer, uris: [spiffeUri(REGISTRY)], ...fault })
  expect(checkLeafProfile(new X509Certificate(der), { now })).toMatchObject({ ok: false, problem })
})

test('a root that may not sign lists, or carries another issuer’s name, is none', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = privateKey.export({ format: 'der', type: 'pkcs8' })
  const base = { publicKey, privateKey: own, hosts: [], ca: true }
  const noLists = await forgeCertificate({ ...base, issuer: 'self', keyUsage: keyCertSign })
  const named = await forgeCertificate({ ...base, issuer: { certificate: authority.rootCertificate, key: own } })
  expect(checkRootProfile(noLists, { now })).toMatchObject({ problem: 'key-usage' })
  expect(checkRootProfile(named, { now })).toMatchObject({ problem: 'not-self-signed' })
})

test('a CA we trust and that is bound to nothing can name anybody: then the profile alone stands in the way', async () => {
  const hostile = await forgeAuthority()
  const bad = await BAD_CERTIFICATES['of another trust domain'](hostile, REGISTRY)
  const met = await shakeHands({ ...good, ca: bad.ca }, bad)
  expect(met.authorized).toBe(true)
  const verdict = checkLeafProfile(new X509Certificate(bad.cert), { now, trustDomain: 'a.example', usage: 'client' })
  expect(verdict).toMatchObject({ ok: false, problem: 'trust-domain' })
})

test('a root is what our CA makes, or a CA bound to nothing, which speaks only for the domain it is kept under', async () => {
  expect(checkRootProfile(authority.rootCertificate, { now, trustDomain: 'a.example' })).toEqual({ ok: true })
  expect(checkRootProfile((await forgeAuthority()).rootCertificate, { now, trustDomain: 'a.example' })).toEqual({
    ok: true,
  })
})

test('nothing else is a root', async () => {
  const problem = (der: Uint8Array, at = now) => {
    const verdict = checkRootProfile(der, { now: at, trustDomain: 'a.example' })
    return verdict.ok ? '-' : verdict.problem
  }
  const other = await makeTestAuthority('b.example')
  expect(problem(other.rootCertificate)).toBe('trust-domain')
  expect(problem(authority.issuingCertificate)).toBe('not-self-signed')
  expect(problem(new X509Certificate(good.cert).raw)).toBe('not-a-ca')
  expect(problem(authority.rootCertificate, new Date('2100-01-01'))).toBe('expired')
  expect(problem(authority.rootCertificate, new Date('2000-01-01'))).toBe('not-yet-valid')
  expect(problem(Buffer.concat([authority.rootCertificate, Buffer.of(0)]))).toBe('unreadable')
  expect(problem(Buffer.from(good.ca))).toBe('unreadable')
  expect(problem(Buffer.alloc(0))).toBe('unreadable')
  const tampered = Buffer.from(authority.rootCertificate)
  tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1
  expect(problem(tampered)).toBe('not-self-signed')
})

function lowOrderKey() {
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32).toString('base64url') },
    format: 'jwk',
  })
}
