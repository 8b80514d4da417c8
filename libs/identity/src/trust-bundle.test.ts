import { X509Certificate } from 'node:crypto'
import { create, fromBinary } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { TrustBundleSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import {
  createAuthority,
  createCrl,
  createCrls,
  generatePlatformKey,
  heldBundle,
  platformIdOf,
  readCrl,
  signStatement,
  signTrustBundle,
  statementDigest,
  verifyTrustBundle,
  type Authority,
  type BundleExpectation,
} from './index.ts'
import { makeTestAuthority } from './testing.ts'

const key = generatePlatformKey()
const now = systemClock.now()
const times = { number: 1, now, nextUpdate: new Date(now.getTime() + 3_600_000) }
const expected: BundleExpectation = {
  publicKey: key.publicKey,
  platformId: platformIdOf(key.publicKey),
  trustDomain: 'a.example',
  now,
}

let current: Authority
let next: Authority
let crls: Buffer[]
beforeAll(async () => {
  current = await makeTestAuthority('a.example', 1)
  next = await makeTestAuthority('a.example', 2)
  crls = [...(await createCrls(current, [], times)), ...(await createCrls(next, [], times))]
})

type Content = Parameters<typeof signTrustBundle>[0]
const bundle = (part: Partial<Content> = {}, by = key) =>
  signTrustBundle(
    {
      trustDomain: 'a.example',
      sequence: 5n,
      issuedAt: now,
      roots: [current.rootCertificate, next.rootCertificate],
      crls,
      ...part,
    },
    by,
  )
const reason = (part: Partial<Content>, known: Partial<BundleExpectation> = {}) => {
  const verdict = verifyTrustBundle(bundle(part), { ...expected, ...known })
  return verdict.ok ? 'ok' : verdict.reason
}

test('a bundle with both generations and their lists is accepted', () => {
  expect(verifyTrustBundle(bundle(), expected)).toMatchObject({ ok: true, bundle: { sequence: 5n } })
  expect(reason({ crls: [] })).toBe('ok')
})

test('only the platform’s own identity key can speak for it', () => {
  expect(verifyTrustBundle(bundle({}, generatePlatformKey()), expected)).toMatchObject({ reason: 'signature' })
  expect(verifyTrustBundle(undefined, expected)).toMatchObject({ reason: 'signature' })
})

test('a bundle of another platform or trust domain is refused, rightly signed or not', () => {
  const other = generatePlatformKey()
  const theirs = bundle({}, other)
  expect(verifyTrustBundle(theirs, { ...expected, publicKey: other.publicKey })).toMatchObject({ reason: 'platform' })
  expect(reason({ trustDomain: 'b.example' })).toBe('trust-domain')
  expect(reason({}, { trustDomain: 'b.example' })).toBe('trust-domain')
})

test('a bundle cannot claim another platform’s id, nor be kept under an id that its key does not make', () => {
  const { payload } = bundle()
  const claims = (platformId: string) => {
    const content = { ...fromBinary(TrustBundleSchema, payload), platformId }
    return signStatement(TrustBundleSchema, create(TrustBundleSchema, content), key)
  }
  const other = platformIdOf(generatePlatformKey().publicKey)
  expect(verifyTrustBundle(claims(other), expected)).toMatchObject({ reason: 'platform' })
  expect(verifyTrustBundle(claims(other), { ...expected, platformId: other })).toMatchObject({ reason: 'platform' })
})

test('what is no trust domain is refused, whoever agrees on it', () => {
  expect(reason({ trustDomain: '10.0.0.1', crls: [] }, { trustDomain: '10.0.0.1' })).toBe('trust-domain')
})

test('only a higher sequence replaces what is held, or the very same bytes', () => {
  const envelope = bundle()
  const held = heldBundle(envelope)
  expect(held).toEqual({ sequence: 5n, sha256: statementDigest(envelope) })
  expect(verifyTrustBundle(envelope, { ...expected, held })).toMatchObject({ ok: true })
  expect(reason({ sequence: 6n }, { held })).toBe('ok')
  expect(reason({ sequence: 4n }, { held })).toBe('sequence')
  expect(reason({ roots: [next.rootCertificate] }, { held })).toBe('sequence')
})

test('what is no root of that domain is refused', async () => {
  const elsewhere = await makeTestAuthority('b.example')
  const { rootCertificate: root } = current
  expect(reason({ roots: [current.issuingCertificate], crls: [] })).toBe('root')
  expect(reason({ roots: [root, elsewhere.rootCertificate], crls: [] })).toBe('root')
  expect(reason({ roots: [root, root], crls: [] })).toBe('root')
  expect(reason({ roots: [Buffer.from('no certificate')], crls: [] })).toBe('root')
  expect(reason({ roots: [Buffer.concat([root, Buffer.of(0)])], crls: [] })).toBe('root')
  expect(reason({}, { now: new Date(new X509Certificate(root).validToDate.getTime() + 1000) })).toBe('root')
})

test('lists that would shut the peer’s door are refused', async () => {
  expect(reason({ crls: [Buffer.from('no list')] })).toBe('crl')
  expect(reason({ crls: [Buffer.concat([crls[0] ?? Buffer.of(), Buffer.of(0)])] })).toBe('crl')
  expect(reason({ crls: [await createCrl(current, [], times), await createCrl(next, [], times)] })).toBe('crl')
  expect(reason({ crls: await createCrls(current, [], times) })).toBe('crl')
  expect(reason({ roots: [current.rootCertificate], crls: await createCrls(current, [], times) })).toBe('ok')
})

test('a list that has run out is refused, as it would refuse everybody', async () => {
  const past = { number: 1, now: new Date(now.getTime() - 2000), nextUpdate: new Date(now.getTime() - 1000) }
  expect(reason({ roots: [current.rootCertificate], crls: await createCrls(current, [], past) })).toBe('crl')
})

test('a held bundle whose root has ended does not stop the one that replaces it', async () => {
  const held = heldBundle(bundle())
  const later = new Date(new X509Certificate(current.rootCertificate).validToDate.getTime() + 86_400_000)
  const replacement = await createAuthority({ trustDomain: 'a.example', generation: 3, now: later })
  const part = { sequence: 6n, roots: [replacement.rootCertificate], crls: [] }
  expect(reason(part, { held, now: later })).toBe('ok')
})

test('a list that we can read but OpenSSL cannot is refused: the judge itself is asked last', async () => {
  const [issuing, root] = await createCrls(current, [], times)
  if (!issuing || !root) throw new Error('an authority has two lists')
  const inner = 2 + (issuing.readUInt8(1) & 0x7f) // past the outer tag and its long length
  issuing[inner] = issuing.readUInt8(inner) ^ 0x80
  expect(readCrl(issuing)).toBeDefined()
  const verdict = verifyTrustBundle(bundle({ roots: [current.rootCertificate], crls: [issuing, root] }), expected)
  expect(verdict).toMatchObject({ reason: 'crl', detail: expect.stringContaining('OpenSSL does not load') })
})

test('whatever a peer signs, its bundle is judged and nothing is thrown', () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.tuple(fc.nat(), fc.nat({ max: 7 }), fc.nat({ max: 2 })).map(([at, bit, which]) => {
      const bytes = Buffer.from([current.rootCertificate, ...crls][which] ?? [])
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit)
      return bytes
    }),
  )
  const some = fc.array(hostile, { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(some, some, (roots, lists) => {
      expect(['ok', 'root', 'crl']).toContain(reason({ crls: lists }))
      expect(reason({ roots })).not.toBe('ok')
    }),
    { numRuns: 150 },
  )
})

test('a bundle without roots cannot even be signed', () => {
  expect(() => bundle({ roots: [] })).toThrow('TrustBundle')
})
