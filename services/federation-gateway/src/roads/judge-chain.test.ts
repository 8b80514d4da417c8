import { beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createCrls, pemToDer, spiffeUri, type Authority, type SpiffeId } from '@powernode/identity'
import { BAD_CERTIFICATES, forgeCertificate, makeTestAuthority, newKey } from '@powernode/identity/testing'
import { isSignedFor, judgeChain, judgeRoots, type Judge } from './judge-chain.ts'

const NAME: SpiffeId = { trustDomain: 'b.example', kind: 'service', name: 'federation-gateway' }
const spiffeId = spiffeUri(NAME)
const HOUR_MS = 3_600_000

let authority: Authority
let judge: Judge

beforeAll(async () => {
  authority = await makeTestAuthority('b.example')
  judge = { roots: [authority.rootCertificate], crls: [], now: systemClock.now(), spiffeId }
})

async function leafOf(made: Authority, some: Partial<Parameters<typeof forgeCertificate>[0]> = {}): Promise<Buffer> {
  const issuer = { certificate: made.issuingCertificate, key: made.issuingKey }
  return forgeCertificate({ publicKey: newKey().publicKey, issuer, uris: [spiffeId], ...some })
}

const words = (links: ReturnType<typeof judgeChain>) => links.map(({ fault }) => fault.split(':')[0])

test('a good chain holds at every link, with its root shown or held', async () => {
  const leaf = await leafOf(authority)
  const shown = [leaf, authority.issuingCertificate, authority.rootCertificate]
  expect(words(judgeChain(shown, judge))).toEqual(['', '', ''])
  expect(words(judgeChain(shown.slice(0, 2), judge))).toEqual(['', ''])
  expect(isSignedFor(shown, judge)).toBe(true)
  expect(isSignedFor(shown.slice(0, 2), judge)).toBe(true)
})

test('a chain without its middle does not lead to a root, though the root is held', async () => {
  const leaf = await leafOf(authority)
  expect(words(judgeChain([leaf], judge))).toEqual(['issuer_unknown'])
  expect(isSignedFor([leaf], judge)).toBe(false)
})

test('an issuing CA of the same name that our root did not sign is a bad signature', async () => {
  const foreign = await makeTestAuthority('b.example')
  const shown = [await leafOf(foreign), foreign.issuingCertificate]
  expect(words(judgeChain(shown, judge))).toEqual(['', 'signature'])
  expect(isSignedFor(shown, judge)).toBe(false)
})

test('a leaf that the shown CA of that name did not sign is a bad signature, and not theirs', async () => {
  const foreign = await makeTestAuthority('b.example')
  const shown = [await leafOf(foreign), authority.issuingCertificate, authority.rootCertificate]
  expect(words(judgeChain(shown, judge))).toEqual(['signature', '', ''])
  expect(isSignedFor(shown, judge)).toBe(false)
})

test('who signs without being a CA is named at its own link', async () => {
  const middle = newKey()
  const middleDer = await leafOf(authority, { publicKey: middle.publicKey, commonName: 'middle' })
  const leaf = await forgeCertificate({
    publicKey: newKey().publicKey,
    issuer: { certificate: middleDer, key: middle.pkcs8 },
    uris: [spiffeId],
  })
  const shown = [leaf, middleDer, authority.issuingCertificate]
  expect(words(judgeChain(shown, judge))).toEqual(['', 'not_a_ca', ''])
  expect(isSignedFor(shown, judge)).toBe(false)
})

describe('what is outdated or taken back is still theirs', () => {
  test.each([
    ['expired', { fromMs: -2 * HOUR_MS, untilMs: -HOUR_MS }],
    ['not_yet_valid', { fromMs: HOUR_MS, untilMs: 2 * HOUR_MS }],
  ] as const)('%s', async (word, times) => {
    const shown = [await leafOf(authority, times), authority.issuingCertificate]
    expect(words(judgeChain(shown, judge))).toEqual([word, ''])
    expect(isSignedFor(shown, judge)).toBe(true)
  })

  test('revoked, by the list of who issued it and by no other', async () => {
    const leaf = await leafOf(authority)
    const { X509Certificate } = await import('node:crypto')
    const revoked = [{ serial: new X509Certificate(leaf).serialNumber.toLowerCase(), revokedAt: judge.now }]
    const how = { number: 2, now: judge.now, nextUpdate: new Date(judge.now.getTime() + HOUR_MS) }
    const foreign = await makeTestAuthority('b.example')
    const shown = [leaf, authority.issuingCertificate]
    const by = async (list: Authority) => ({ ...judge, crls: await createCrls(list, revoked, how) })
    expect(words(judgeChain(shown, await by(authority)))).toEqual(['revoked', ''])
    expect(words(judgeChain(shown, await by(foreign)))).toEqual(['', ''])
    expect(isSignedFor(shown, await by(authority))).toBe(true)
  })
})

test('a good certificate of somebody else under the same roots is not theirs', async () => {
  const neighbour = await leafOf(authority, { uris: [spiffeUri({ ...NAME, name: 'peer-registry' })] })
  const shown = [neighbour, authority.issuingCertificate]
  expect(words(judgeChain(shown, judge))).toEqual(['wrong_identity', ''])
  expect(isSignedFor(shown, judge)).toBe(false)
})

test('a root that is itself the leaf proves nothing', () => {
  expect(isSignedFor([authority.rootCertificate], judge)).toBe(false)
  expect(isSignedFor([], judge)).toBe(false)
})

test('what we show must be made for a client, since that is what doors ask for', async () => {
  const { cert } = await BAD_CERTIFICATES['without extended key usage'](authority, NAME)
  const shown = pemToDer(cert, 'CERTIFICATE')
  expect(words(judgeChain(shown, judge))).toEqual(['', '', ''])
  expect(words(judgeChain(shown, { ...judge, asClient: true }))).toEqual(['wrong_identity', '', ''])
})

test('roots that we hold are judged one by one', async () => {
  const after = new Date(judge.now.getTime() + 20 * 365 * 24 * HOUR_MS)
  expect(words(judgeRoots([authority.rootCertificate], judge.now))).toEqual([''])
  expect(words(judgeRoots([authority.rootCertificate], after))).toEqual(['expired'])
  expect(words(judgeRoots([authority.issuingCertificate], judge.now))).toEqual(['not_a_ca'])
})
