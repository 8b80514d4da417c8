import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { flattenedVerify } from 'jose'
import { expect, test } from 'vitest'
import { readDetached, signDetached } from './signature.ts'

const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ED = generateKeyPairSync('ed25519')
const P384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const at = new Date(Math.floor(systemClock.now().getTime()))
const data = new Uint8Array([0, 1, 46, 255])
const said = { subject: 'fed.peer.enrolled.x', at }
const x5c = ['AAAA', 'BBBB']

const signed = (key: KeyObject) => signDetached(data, said, { key, x5c })

/** The same signature over another header. */
function withHeader(text: string, change: Readonly<Record<string, unknown>>): string {
  const [encoded = '', , signature = ''] = text.split('.')
  const header = { ...JSON.parse(Buffer.from(encoded, 'base64url').toString()), ...change } as object
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}..${signature}`
}

test.each([
  ['ES256', EC],
  ['EdDSA', ED],
] as const)('a library that we did not write checks our %s signatures', async (alg, { privateKey, publicKey }) => {
  const [header = '', , signature = ''] = signed(privateKey).split('.')
  const jws = { protected: header, payload: data, signature }
  const { protectedHeader } = await flattenedVerify(jws, publicKey)
  expect(protectedHeader).toMatchObject({ alg, b64: false, crit: ['b64'], x5c, subject: said.subject })
  await expect(flattenedVerify({ ...jws, payload: new Uint8Array([1]) }, publicKey)).rejects.toThrow()
})

test('what is read is what was signed, and holds for these bytes and this key alone', () => {
  const detached = readDetached(signed(EC.privateKey))
  expect(detached).toMatchObject({ subject: said.subject, at, chainText: 'AAAA BBBB' })
  expect(detached?.isOver(data, EC.publicKey)).toBe(true)
  expect(detached?.isOver(new Uint8Array([...data, 0]), EC.publicKey)).toBe(false)
  expect(detached?.isOver(data, generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)).toBe(false)
  expect(detached?.isOver(data, ED.publicKey)).toBe(false)
})

test('another subject, moment, certificate or algorithm in the header breaks the signature', () => {
  const text = signed(EC.privateKey)
  const changes = [{ subject: 'fed.peer.revoked.x' }, { iat: 1 }, { x5c: ['CCCC', 'BBBB'] }, { alg: 'EdDSA' }, { z: 1 }]
  for (const change of changes)
    expect(readDetached(withHeader(text, change))?.isOver(data, EC.publicKey), JSON.stringify(change)).toBe(false)
})

test('what is not of our form is not read', () => {
  const text = signed(EC.privateKey)
  const odd = [
    '',
    'a.b',
    `${text}.x`,
    text.replace('..', '.cGF5bG9hZA.'),
    ` ${text}`,
    'bm90IGpzb24..AAAA',
    'bnVsbA..AAAA',
    `${'A'.repeat(20_000)}..AAAA`,
    ...[
      { alg: 'none' },
      { alg: 'HS256' },
      { b64: true },
      { b64: undefined },
      { crit: undefined },
      { crit: ['b64', 'exp'] },
      { x5c: 'AAAA' },
      { x5c: [1] },
      { x5c: ['A', 'A', 'A', 'A', 'A'] },
      { iat: '1' },
      { iat: 1e300 },
      { subject: 7 },
      { after: 'the other' },
    ].map((change) => withHeader(text, change)),
  ]
  for (const one of odd) expect(readDetached(one), one.slice(0, 80)).toBeUndefined()
})

test('a key that is neither P-256 nor Ed25519 signs nothing', () => {
  expect(() => signed(P384.privateKey)).toThrow('P-256 or Ed25519')
})
