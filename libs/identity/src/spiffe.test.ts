import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTrustDomain, parseSpiffeUri, spiffeIdOf, spiffeUri, type SpiffeId } from './index.ts'
import { forgeAuthority, forgeCertificate } from './testing.ts'

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
const trustDomain = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
  .filter(isTrustDomain)
const word = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/)
const spiffeId: fc.Arbitrary<SpiffeId> = fc.oneof(
  fc.record({ trustDomain, kind: fc.constantFrom('service' as const, 'operator' as const), name: word }),
  fc.record({ trustDomain, kind: fc.constantFrom('peer' as const, 'instance' as const), name: fc.uuid() }),
)

test('every id is read back as it was written', () => {
  fc.assert(
    fc.property(spiffeId, (id) => {
      expect(parseSpiffeUri(spiffeUri(id))).toEqual(id)
    }),
  )
})

test('an id has one spelling: what is read back is written the same', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), spiffeId.map(spiffeUri), nearMiss()), (text) => {
      const id = parseSpiffeUri(text)
      expect(id === undefined || spiffeUri(id) === text).toBe(true)
    }),
  )
})

test.each([
  '',
  'spiffe://a.example',
  'spiffe://a.example/',
  'spiffe://a.example/service',
  'spiffe://a.example/service/',
  'spiffe://a.example/service/x/',
  'spiffe://a.example/service/x/y',
  'spiffe://a.example//service/x',
  'spiffe://a.example/service/X',
  'spiffe://A.example/service/x',
  'SPIFFE://a.example/service/x',
  'spiffe://a.example/service/x?y',
  'spiffe://a.example/service/x#y',
  'spiffe://a.example/service/%78',
  'spiffe://a.example/service/..',
  'spiffe://a.example:443/service/x',
  'spiffe://user@a.example/service/x',
  'spiffe://a.example./service/x',
  'spiffe://a..example/service/x',
  'spiffe://-a.example/service/x',
  'spiffe://10.0.0.1/service/x',
  'spiffe://a.example/robot/x',
  'spiffe://a.example/constructor/x',
  'spiffe://a.example/peer/not-a-uuid',
  'spiffe://a.example/peer/0190AAAA-0000-7000-8000-000000000000',
  'spiffe://a.example/service/x\n',
  'https://a.example/service/x',
])('nobody is called %j', (uri) => {
  expect(parseSpiffeUri(uri)).toBeUndefined()
})

test('a trust domain has at most 255 characters', () => {
  const long = (last: number) => ['x'.repeat(63), 'x'.repeat(63), 'x'.repeat(63), 'x'.repeat(last)].join('.')
  expect([isTrustDomain(long(63)), isTrustDomain(`${long(61)}.x`), isTrustDomain(`${long(62)}.x`)]).toEqual([
    true,
    true,
    false,
  ])
})

test('an id that could not be read back cannot be written', () => {
  expect(() => spiffeUri({ trustDomain: 'a.example', kind: 'service', name: 'a/b' })).toThrow('not a SPIFFE id')
})

const GOOD = 'spiffe://a.example/service/x'

test.each<[string, string[], string[]]>([
  ['no URI', [], ['localhost']],
  ['two URIs', [GOOD, 'spiffe://a.example/service/y'], []],
  ['the same URI twice', [GOOD, GOOD], []],
  ['a URI of another scheme beside it', [GOOD, 'https://a.example/'], []],
  ['a DNS name that spells a second name', [], [`x, URI:${GOOD}`]],
  ['a URI that spells a second name', [`${GOOD}, URI:spiffe://a.example/service/y`], []],
  ['a DNS name with a quote', [GOOD], ['a"b']],
])('a certificate with %s names nobody', async (_, uris, hosts) => {
  expect(spiffeIdOf(await certificateWith(uris, hosts))).toBeUndefined()
})

test('a certificate with one URI and any number of hosts names one caller', async () => {
  const certificate = await certificateWith([GOOD], ['localhost', 'x.internal'])
  expect(spiffeIdOf(certificate)).toEqual({ trustDomain: 'a.example', kind: 'service', name: 'x' })
})

async function certificateWith(uris: string[], hosts: string[]): Promise<X509Certificate> {
  const { issuingCertificate, issuingKey } = await forgeAuthority()
  const { publicKey } = new X509Certificate(issuingCertificate)
  const issuer = { certificate: issuingCertificate, key: issuingKey }
  return new X509Certificate(await forgeCertificate({ publicKey, issuer, uris, hosts }))
}

/** Ids with one character changed: where a second spelling of a name would be found. */
function nearMiss(): fc.Arbitrary<string> {
  return fc.tuple(spiffeId, fc.nat(), fc.string({ maxLength: 2 })).map(([id, at, put]) => {
    const uri = spiffeUri(id)
    const cut = at % uri.length
    return uri.slice(0, cut) + put + uri.slice(cut + 1)
  })
}
