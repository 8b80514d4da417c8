import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  CertificateRefused,
  certificatesToPem,
  createAuthority,
  createCsr,
  issueCertificate,
  readTlsFiles,
  prolongIssuing,
  spiffeIdOf,
  trustDomainOfCa,
  type Authority,
  type CertificateWanted,
  type SpiffeId,
} from './index.ts'
import { forgeCertificate, makeTestAuthority, makeTestIdentity } from './testing.ts'
import { shakeHands } from './testing/handshake.ts'
import { hasOpenssl, openssl } from './testing/openssl.ts'

const REGISTRY: SpiffeId = { trustDomain: 'a.example', kind: 'service', name: 'peer-registry' }
const LIVENESS: SpiffeId = { trustDomain: 'a.example', kind: 'service', name: 'liveness' }
const now = new Date('2026-03-01T12:00:00.750Z')
const later = (ms: number) => new Date(now.getTime() + ms)
const DAY_MS = 86_400_000
const spki = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' })

let dir: string
let authority: Authority
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'authority-'))
  authority = await createAuthority({ trustDomain: 'a.example', generation: 3, now })
})
afterAll(() => rmSync(dir, { recursive: true }))

test('root and issuing CA are bound to their trust domain and say so', () => {
  const [root, issuing] = [
    new X509Certificate(authority.rootCertificate),
    new X509Certificate(authority.issuingCertificate),
  ]
  expect(root.checkIssued(root) && root.verify(root.publicKey)).toBe(true)
  expect(issuing.checkIssued(root) && issuing.verify(root.publicKey)).toBe(true)
  expect([trustDomainOfCa(root), trustDomainOfCa(issuing)]).toEqual(['a.example', 'a.example'])
  expect(root.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  expect(root.subject).toBe('CN=a.example root ca 3')
})

test('a leaf begins five minutes early and ends when asked, in whole seconds', async () => {
  const { der, notBefore, notAfter } = await issue({ notAfter: later(DAY_MS) })
  const leaf = new X509Certificate(der)
  expect(leaf.validFromDate).toEqual(new Date('2026-03-01T11:55:00Z'))
  expect(leaf.validToDate).toEqual(new Date('2026-03-02T12:00:00Z'))
  expect([notBefore, notAfter]).toEqual([leaf.validFromDate, leaf.validToDate])
})

test('a leaf does not outlive the CA that signed it, and beyond the CA nothing is issued', async () => {
  const issuing = new X509Certificate(authority.issuingCertificate)
  expect((await issue({ notAfter: later(5000 * DAY_MS) })).notAfter).toEqual(issuing.validToDate)
  await expect(issue({ notBefore: later(366 * DAY_MS), notAfter: later(367 * DAY_MS) })).rejects.toThrow(
    'renew the issuing CA',
  )
})

test('the issuing CA is prolonged under the same root, and for the same key: what it signed before stays good', async () => {
  const before = new X509Certificate((await issue({})).der)
  const prolonged = await prolongIssuing(authority, later(300 * DAY_MS))
  const issuing = new X509Certificate(prolonged.issuingCertificate)
  expect(prolonged.rootCertificate).toBe(authority.rootCertificate)
  expect(issuing.verify(new X509Certificate(authority.rootCertificate).publicKey)).toBe(true)
  expect(before.checkIssued(issuing) && before.verify(issuing.publicKey)).toBe(true)
  const { der } = await issueCertificate(
    prolonged,
    wanted({ notBefore: later(400 * DAY_MS), notAfter: later(401 * DAY_MS) }),
  )
  expect(new X509Certificate(der).verify(issuing.publicKey)).toBe(true)

  const last = await prolongIssuing(prolonged, later(3_600 * DAY_MS))
  const end = new X509Certificate(authority.rootCertificate).validToDate
  expect(new X509Certificate(last.issuingCertificate).validToDate, 'no longer than the root').toEqual(end)
})

test('serial numbers are 32 hex digits, positive, and never repeat', async () => {
  const serials = await Promise.all(Array.from({ length: 50 }, async () => (await issue({})).serial))
  expect(new Set(serials).size).toBe(50)
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/)
  const { der, serial } = await issue({})
  expect(new X509Certificate(der).serialNumber.toLowerCase()).toBe(serial)
})

test('a name comes from us: what a request asks for is not even read', async () => {
  const { csrDer } = await createCsr()
  const { der } = await issue({ holder: { csrDer } })
  expect(spiffeIdOf(new X509Certificate(der))).toEqual(REGISTRY)
  expect(new X509Certificate(der).subject).toBe('OU=service\nCN=peer-registry')
})

test('a CA does not speak for another trust domain', async () => {
  await expect(issue({ spiffeId: { ...REGISTRY, trustDomain: 'b.example' } })).rejects.toThrow(CertificateRefused)
})

test('a CA certifies neither its own key nor kinds of key it does not know', async () => {
  const own = new X509Certificate(authority.issuingCertificate).publicKey.export({ format: 'der', type: 'spki' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'der', type: 'spki' })
  const lowOrder = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.alloc(32)])
  await expect(issue({ holder: { publicKey: own } })).rejects.toThrow('the key of the CA itself')
  await expect(issue({ holder: { publicKey: rsa } })).rejects.toThrow('P-256 or Ed25519')
  await expect(issue({ holder: { publicKey: lowOrder } })).rejects.toThrow('low order')
})

test('a certificate for neither server nor client is for nothing', async () => {
  await expect(issue({ usages: [] })).rejects.toThrow('a server, a client or both')
})

test('only a CA certificate speaks for a trust domain', async () => {
  const { publicKey } = new X509Certificate(authority.rootCertificate)
  const issuer = { certificate: authority.issuingCertificate, key: authority.issuingKey }
  const leaf = await forgeCertificate({ publicKey, issuer, uris: ['spiffe://a.example'], hosts: [] })
  expect(() => trustDomainOfCa(new X509Certificate(leaf))).toThrow(CertificateRefused)
})

test.each(['*.example', 'UPPER.example', 'a b', '', 'x/y', 'a..b', '-a'])(
  '%j is no host a certificate names',
  async (host) => {
    await expect(issue({ hosts: [host] })).rejects.toThrow('not a DNS name')
  },
)

test.each(['', 'A.example', '10.0.0.1', 'a_b', `${'a'.repeat(64)}.example`])(
  'there is no CA for %j',
  async (trustDomain) => {
    await expect(createAuthority({ trustDomain, generation: 1, now })).rejects.toThrow('not a trust domain')
  },
)

test('the longest trust domain there can be has a CA whose leaves meet over TLS', async () => {
  const trustDomain = Array.from({ length: 4 }, (_, i) => `${i}`.padEnd(63, 'x')).join('.')
  expect(trustDomain).toHaveLength(255)
  const material = await makeTestIdentity(
    await makeTestAuthority(trustDomain),
    { ...REGISTRY, trustDomain },
    join(dir, 'long'),
  )
  expect(await shakeHands(material, material)).toMatchObject({ authorized: true })
})

test('two services of one platform meet over TLS 1.3 and know each other', async () => {
  const good = await makeTestAuthority('a.example')
  const server = await makeTestIdentity(good, REGISTRY, join(dir, 'server'))
  await makeTestIdentity(good, LIVENESS, join(dir, 'client'))
  const met = await shakeHands(server, readTlsFiles(join(dir, 'client')))
  expect(met).toMatchObject({ authorized: true, error: '' })
  expect(met.certificate && spiffeIdOf(met.certificate)).toEqual(LIVENESS)
})

test('an Ed25519 key may hold a leaf too', async () => {
  const good = await makeTestAuthority('a.example')
  const { privateKey } = generateKeyPairSync('ed25519')
  const { csrDer } = await createCsr(privateKey)
  const from = new X509Certificate(good.issuingCertificate).validFromDate
  const { chain } = await issueCertificate(good, {
    ...wanted({ holder: { csrDer }, notBefore: from }),
    notAfter: new Date(from.getTime() + DAY_MS),
  })
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  const pair = { cert: certificatesToPem(chain), key, ca: certificatesToPem([good.rootCertificate]) }
  expect(await shakeHands(pair, pair)).toMatchObject({ authorized: true })
})

test.skipIf(!hasOpenssl)('openssl verify agrees, in strict mode, with the chain and with its end', async () => {
  const { der } = await issue({ hosts: ['localhost', '127.0.0.1', '::1', 'peer-registry.internal'] })
  const verify = (at: Date, purpose: string) =>
    openssl(
      dir,
      {
        'root.pem': certificatesToPem([authority.rootCertificate]),
        'issuing.pem': certificatesToPem([authority.issuingCertificate]),
        'leaf.pem': certificatesToPem([der]),
      },
      ...strict(at, purpose),
    )
  expect(verify(now, 'sslserver')).toBe('leaf.pem: OK\n')
  expect(verify(now, 'sslclient')).toBe('leaf.pem: OK\n')
  expect(verify(later(2 * DAY_MS), 'sslclient')).toContain('certificate has expired')
  expect(verify(later(-DAY_MS), 'sslclient')).toContain('not yet valid')
})

test.skipIf(!hasOpenssl)(
  'a CA whose key was stolen cannot name another platform: openssl refuses by name constraint',
  async () => {
    const stolen = { certificate: authority.issuingCertificate, key: authority.issuingKey }
    const verify = async (uri: string) => {
      const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
      const leaf = await forgeCertificate({ publicKey, issuer: stolen, uris: [uri] })
      const files = {
        'root.pem': certificatesToPem([authority.rootCertificate]),
        'issuing.pem': certificatesToPem([authority.issuingCertificate]),
        'forged.pem': certificatesToPem([leaf]),
      }
      return openssl(
        dir,
        files,
        'verify',
        '-no_check_time',
        '-CAfile',
        'root.pem',
        '-untrusted',
        'issuing.pem',
        'forged.pem',
      )
    }
    expect(await verify('spiffe://a.example/service/x')).toContain('OK')
    expect(await verify('spiffe://b.example/service/x')).toContain('permitted subtree violation')
    expect(await verify('spiffe://sub.a.example/service/x')).toContain('permitted subtree violation')
    expect(await verify('spiffe://xa.example/service/x')).toContain('permitted subtree violation')
  },
)

test.skipIf(!hasOpenssl)('times beyond 2049 are written as RFC 5280 wants them', async () => {
  const far = await createAuthority({ trustDomain: 'a.example', generation: 1, now: new Date('2045-01-01T00:00:00Z') })
  const text = openssl(dir, { 'far.pem': certificatesToPem([far.rootCertificate]) }, 'asn1parse', '-in', 'far.pem')
  expect(text).toMatch(/UTCTIME +:441231235500Z\n.*GENERALIZEDTIME +:2055/)
})

function wanted(part: Partial<CertificateWanted>): CertificateWanted {
  return {
    holder: { publicKey: spki() },
    spiffeId: REGISTRY,
    notBefore: now,
    notAfter: later(DAY_MS),
    usages: ['server', 'client'],
    ...part,
  }
}

const issue = (part: Partial<CertificateWanted>) => issueCertificate(authority, wanted(part))

function strict(at: Date, purpose: string): string[] {
  const moment = `${Math.floor(at.getTime() / 1000)}`
  const how = ['verify', '-x509_strict', '-check_ss_sig', '-purpose', purpose, '-attime', moment]
  return [...how, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem']
}
