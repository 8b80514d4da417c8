import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NotDer } from './der.ts'
import {
  certificatesToPem,
  createCrl,
  createCrls,
  derToPem,
  readCrl,
  revokedSerials,
  type Authority,
  type SpiffeId,
  type TlsMaterial,
} from './index.ts'
import { makeTestAuthority, makeTestIdentity } from './testing.ts'
import { shakeHands } from './testing/handshake.ts'
import { hasOpenssl, openssl } from './testing/openssl.ts'

const REGISTRY: SpiffeId = { trustDomain: 'a.example', kind: 'service', name: 'peer-registry' }
const HOUR_MS = 3_600_000
const now = systemClock.now()
const inHours = (hours: number) => new Date(now.getTime() + hours * HOUR_MS)

let dir: string
let authority: Authority
let server: TlsMaterial
let client: TlsMaterial
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'crl-'))
  authority = await makeTestAuthority('a.example')
  server = await makeTestIdentity(authority, REGISTRY, join(dir, 'server'))
  client = await makeTestIdentity(authority, REGISTRY, join(dir, 'client'))
})
afterAll(() => rmSync(dir, { recursive: true }))

const pem = (lists: readonly Buffer[]) => lists.map((der) => derToPem(der, 'X509 CRL'))
const times = { number: 1, now, nextUpdate: inHours(24) }

test('a certificate that was taken back is refused in the handshake, others are not', async () => {
  const none = pem(await createCrls(authority, [], times))
  const one = pem(await createCrls(authority, [{ serial: client.serial, revokedAt: now }], times))
  expect(await shakeHands({ ...server, crl: none }, client)).toMatchObject({ authorized: true })
  expect(await shakeHands({ ...server, crl: one }, client)).toMatchObject({ authorized: false, error: 'CERT_REVOKED' })
  expect(await shakeHands({ ...server, crl: one }, server)).toMatchObject({ authorized: true })
})

test('a list that ran out, or the root’s that is missing, shuts the door: it fails closed', async () => {
  const stale = pem(await createCrls(authority, [], { ...times, now: inHours(-2), nextUpdate: inHours(-1) }))
  const issuingOnly = pem([await createCrl(authority, [], times)])
  expect(await shakeHands({ ...server, crl: stale }, client)).toMatchObject({ error: 'CRL_HAS_EXPIRED' })
  expect(await shakeHands({ ...server, crl: issuingOnly }, client)).toMatchObject({ error: 'UNABLE_TO_GET_CRL' })
})

test('while the CA is replaced both generations are checked, each by its own lists', async () => {
  const next = await makeTestAuthority('a.example', 2)
  const newClient = await makeTestIdentity(next, REGISTRY, join(dir, 'new'))
  const revoked = await makeTestIdentity(next, REGISTRY, join(dir, 'revoked'))
  const ca = certificatesToPem([next.rootCertificate, authority.rootCertificate])
  const crl = pem([
    ...(await createCrls(authority, [], times)),
    ...(await createCrls(next, [{ serial: revoked.serial, revokedAt: now }], times)),
  ])
  expect(await shakeHands({ ...server, ca, crl }, client)).toMatchObject({ authorized: true })
  expect(await shakeHands({ ...server, ca, crl }, newClient)).toMatchObject({ authorized: true })
  expect(await shakeHands({ ...server, ca, crl }, revoked)).toMatchObject({ error: 'CERT_REVOKED' })
})

test('a thousand entries are written and read', async () => {
  const serials = Array.from({ length: 1000 }, (_, index) => `4${index.toString(16).padStart(31, '0')}`)
  const der = await createCrl(
    authority,
    serials.map((serial) => ({ serial, revokedAt: now })),
    times,
  )
  const list = readCrl(der)
  expect(list?.serials).toEqual(serials)
  expect([...revokedSerials([derToPem(der, 'X509 CRL')])]).toEqual(serials)
  expect(list?.isSignedBy(new X509Certificate(authority.issuingCertificate).publicKey)).toBe(true)
  expect(list?.isSignedBy(new X509Certificate(authority.rootCertificate).publicKey)).toBe(false)
})

test('two CAs of one name, as after a fresh start, are told apart by their keys', async () => {
  const namesake = await makeTestAuthority('a.example')
  const theirClient = await makeTestIdentity(namesake, REGISTRY, join(dir, 'namesake'))
  const ca = certificatesToPem([authority.rootCertificate, namesake.rootCertificate])
  const lists = [
    await createCrls(authority, [{ serial: client.serial, revokedAt: now }], times),
    await createCrls(namesake, [], times),
  ]
  for (const order of [lists, lists.toReversed()]) {
    const crl = pem(order.flat())
    expect(await shakeHands({ ...server, ca, crl }, client)).toMatchObject({ error: 'CERT_REVOKED' })
    expect(await shakeHands({ ...server, ca, crl }, theirClient)).toMatchObject({ authorized: true })
  }
})

test('lists that take nothing back are as good as none, leading zeros are no part of a serial, and what is no list is refused', async () => {
  const some = [{ serial: '00ff', revokedAt: now }, { serial: '4a', revokedAt: new Date('2060-01-01') }] // prettier-ignore
  const pems = pem([...(await createCrls(authority, [], times)), ...(await createCrls(authority, some, times))])
  expect([...revokedSerials(pems)]).toEqual(['ff', '4a'])
  expect(() => revokedSerials([derToPem(Buffer.of(0x30, 0x02, 0x30, 0x00), 'X509 CRL')])).toThrow(NotDer)
})

test('what is not exactly one list is none', async () => {
  const der = await createCrl(authority, [], times)
  expect(readCrl(der)).toBeDefined()
  expect(readCrl(Buffer.concat([der, Buffer.of(0)]))).toBeUndefined()
  expect(readCrl(der.subarray(0, -1))).toBeUndefined()
  expect(readCrl(authority.rootCertificate)).toBeUndefined()
})

test.skipIf(!hasOpenssl).each([0, 1, 127, 128, 255, 256, 65_535, 2 ** 31, Number.MAX_SAFE_INTEGER])(
  'openssl reads list number %i',
  async (number) => {
    const der = await createCrl(authority, [], { ...times, number })
    const text = openssl(
      dir,
      { 'list.pem': derToPem(der, 'X509 CRL') },
      'crl',
      '-in',
      'list.pem',
      '-noout',
      '-crlnumber',
    )
    expect(BigInt(text.trim().replace('crlNumber=', ''))).toBe(BigInt(number))
  },
)
