import { crc32 } from 'node:zlib'
import { generatePlatformKey } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkTtl,
  DAY_MS,
  decodeInvitation,
  digestOf,
  encodeInvitation,
  HOUR_MS,
  isBareToken,
  mintToken,
  statusOf,
  type Invitation,
  type InvitationText,
} from './invitation.ts'

const KEY = Buffer.from(generatePlatformKey().publicKey)
const WHOLE: InvitationText = {
  token: mintToken(),
  urls: ['https://a.example:8443', 'https://[fd00::1]:8443'],
  identityKey: KEY,
  platformName: 'Plätform ✓',
  trustDomain: 'a.example',
  caPin: Buffer.alloc(32, 7),
  window: { min: 1, max: 2, features: ['receipts'] },
  expiresAt: new Date('2026-06-01T00:00:00Z'),
}
const TEXT = encodeInvitation(WHOLE)

/** The reason an invitation is refused for; undefined when it is not. Anything but a refusal fails the test. */
function reasonOf(text: string): string | undefined {
  try {
    decodeInvitation(text)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

/** As encodeInvitation, but of anything: the checksum is right, what it holds need not be. */
function packed(body: unknown): string {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(bytes))
  return `pni1.${Buffer.concat([bytes, sum]).toString('base64url')}`
}
const body = () =>
  JSON.parse(Buffer.from(TEXT.slice(5), 'base64url').subarray(0, -4).toString()) as Record<string, unknown>

describe('an invitation', () => {
  test('is read as it was written, whatever it says', () => {
    const texts = fc.record({
      token: fc.constant(0).map(mintToken),
      urls: fc.array(fc.string({ maxLength: 500 }), { minLength: 1, maxLength: 10 }),
      identityKey: fc.constant(KEY),
      platformName: fc.string({ maxLength: 128, unit: 'grapheme' }).filter(({ length }) => length <= 128),
      trustDomain: fc.constantFrom('a.example', 'x', 'deep.er.example'),
      caPin: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
      window: fc.record({ min: fc.integer({ min: 1, max: 9 }), max: fc.integer({ min: 9, max: 99 }), features: fc.constant(['a', 'b-1']) }), // prettier-ignore
      expiresAt: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => new Date(seconds * 1000)),
    })
    fc.assert(
      fc.property(texts, (said) => {
        expect(decodeInvitation(encodeInvitation(said))).toEqual(said)
      }),
    )
  })

  test('forgives the white space that a chat program put in', () => {
    const wrapped = ` ${TEXT.replace(/(.{40})/g, '$1\n\t ')}\u00a0\n`
    expect(decodeInvitation(wrapped)).toEqual(WHOLE)
  })
})

describe('a damaged invitation is refused', () => {
  test('when it is cut anywhere', () => {
    for (let length = 0; length < TEXT.length; length++)
      expect(reasonOf(TEXT.slice(0, length)), `cut after ${length}`).toBe('INVITATION_MALFORMED')
    for (let from = 1; from < TEXT.length; from += 7) expect(reasonOf(TEXT.slice(from))).toBe('INVITATION_MALFORMED')
  })

  test('when any one letter is another, missing, doubled, or not of the alphabet', () => {
    const places = fc.integer({ min: 0, max: TEXT.length - 1 })
    const letters = fc.constantFrom(...'ABCxyz019-_+/=!*é')
    fc.assert(
      fc.property(places, letters, (at, letter) => {
        if (TEXT[at] !== letter) expect(reasonOf(TEXT.slice(0, at) + letter + TEXT.slice(at + 1))).toBe('INVITATION_MALFORMED') // prettier-ignore
        expect(reasonOf(TEXT.slice(0, at) + TEXT.slice(at + 1))).toBe('INVITATION_MALFORMED')
        expect(reasonOf(TEXT.slice(0, at) + letter + TEXT.slice(at))).toBe('INVITATION_MALFORMED')
      }),
      { numRuns: 500 },
    )
  })

  test('when it is random letters, or nothing', () => {
    for (const text of ['', 'pni1.', 'pni1.AAAA', 'pni2.' + TEXT.slice(5), 'PNI1.' + TEXT.slice(5), mintToken()])
      expect(reasonOf(text)).toBe('INVITATION_MALFORMED')
    fc.assert(
      fc.property(fc.base64String(), (text) => {
        expect(reasonOf(`pni1.${text}`)).toBe('INVITATION_MALFORMED')
      }),
    )
  })
})

describe('a hostile invitation with a right checksum is refused', () => {
  test('when it is no object of ours', () => {
    for (const said of ['', 'null', '[]', '7', '"x"', '{', {}, { __proto__: null }])
      expect(reasonOf(packed(said))).toBe('INVITATION_MALFORMED')
  })

  test.each([
    ['a part is missing', { k: undefined }],
    ['the token is no token', { t: 'short' }],
    ['the token is a list', { t: [mintToken()] }],
    ['it names no URL', { u: [] }],
    ['it names a thousand URLs', { u: Array.from({ length: 1000 }, () => 'https://x') }],
    ['its URL is endless', { u: [`https://${'x'.repeat(600)}`] }],
    ['its key has 31 bytes', { k: KEY.subarray(1).toString('base64url') }],
    ['its pin is empty', { p: '' }],
    ['its name is endless', { n: 'x'.repeat(129) }],
    ['its trust domain is none', { d: 'A Example' }],
    ['its trust domain is a path', { d: 'a.example/service/x' }],
    ['its window is upside down', { w: [3, 1, []] }],
    ['its window is not of whole numbers', { w: [1, 1.5, []] }],
    ['its window begins at nought', { w: [0, 1, []] }],
    ['its features are no words', { w: [1, 1, ['<script>']] }],
    ['it ends when no clock can tell', { e: 1e300 }],
    ['it ends before time', { e: -1 }],
    ['it ends at half a second', { e: 1.5 }],
  ])('when %s', (_, change) => {
    expect(reasonOf(packed({ ...body(), ...change }))).toBe('INVITATION_MALFORMED')
  })

  test('when its identity key belongs to nobody', () => {
    const lowOrder = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]).toString('base64url')
    expect(reasonOf(packed({ ...body(), k: lowOrder }))).toBe('IDENTITY_KEY_INVALID')
  })

  test('and one that says more than we know is still read: the twin that shows the others can pass', () => {
    expect(reasonOf(packed({ ...body(), later: true }))).toBeUndefined()
  })
})

test('a token is 32 random bytes, and only its digest is told from another', () => {
  const tokens = Array.from({ length: 100 }, mintToken)
  expect(tokens.every(isBareToken)).toBe(true)
  expect(new Set(tokens.map((token) => digestOf(token).toString('hex'))).size).toBe(100)
})

test('what an invitation is: redeemed for ever, else revoked, else expired to the very moment', () => {
  const now = new Date(1_000)
  const open = { redeemedAt: null, revokedAt: null, expiresAt: new Date(1_001) } as Invitation
  expect(statusOf(open, now)).toBe('open')
  expect(statusOf({ ...open, expiresAt: now }, now)).toBe('expired')
  expect(statusOf({ ...open, revokedAt: now, expiresAt: now }, now)).toBe('revoked')
  expect(statusOf({ ...open, redeemedAt: now, expiresAt: now }, now)).toBe('redeemed')
})

test('an invitation lives between an hour and thirty days', () => {
  for (const ttl of [HOUR_MS, 30 * DAY_MS]) expect(checkTtl(ttl)).toBe(ttl)
  for (const ttl of [HOUR_MS - 1, 30 * DAY_MS + 1, 0, -1, Number.NaN, Infinity])
    expect(() => checkTtl(ttl)).toThrow('between 1 hour and 30 days')
})
