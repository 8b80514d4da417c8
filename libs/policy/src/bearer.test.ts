import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matches, mintBearer, parseBearer, withoutBearers } from './bearer.ts'
import { sha256Of } from './testing/world.ts'

const secretText = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)

describe('a bearer', () => {
  test('is read back as it was minted, and its secret is the one that was kept', () => {
    fc.assert(
      fc.property(fc.uuid(), (grantId) => {
        const { bearer, secretSha256 } = mintBearer(grantId)
        const said = parseBearer(bearer)
        expect(said?.grantId).toBe(grantId)
        expect(matches(said?.secret ?? '', secretSha256)).toBe(true)
      }),
    )
  })

  test('is never minted twice, and never for what is no id', () => {
    const id = '019b76da-a800-7000-8000-000000000001'
    const minted = new Set(Array.from({ length: 1000 }, () => mintBearer(id).bearer))
    expect(minted.size).toBe(1000)
    for (const wrong of ['', 'grant-1', id.toUpperCase(), `${id} `, `${id}.x`])
      expect(() => mintBearer(wrong)).toThrow('not the id of a grant')
  })

  test('with one bit of its secret altered is the bearer of nobody', () => {
    fc.assert(
      fc.property(secretText, fc.nat(42), fc.nat(5), (secret, index, bit) => {
        const secretSha256 = sha256Of(secret)
        const altered = Buffer.from(secret)
        altered[index] = (altered[index] ?? 0) ^ (1 << bit)
        expect(matches(secret, secretSha256)).toBe(true)
        expect(matches(`${secret} `, secretSha256)).toBe(false)
        expect(matches(altered.toString('latin1'), secretSha256)).toBe(false)
      }),
    )
  })

  test('has one spelling: other base64 of the same 32 bytes does not match', () => {
    const { bearer, secretSha256 } = mintBearer('019b76da-a800-7000-8000-000000000001')
    const secret = parseBearer(bearer)?.secret ?? ''
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const bytes = Buffer.from(secret, 'base64url')
    const same = letters.split('').map((last) => secret.slice(0, -1) + last)
    const spellings = same.filter((text) => Buffer.from(text, 'base64url').equals(bytes))
    expect(spellings).toHaveLength(4) // what a check of the decoded bytes would let in
    expect(spellings.filter((text) => matches(text, secretSha256))).toEqual([secret])
  })

  test.each([
    '',
    'fg-',
    'fg-019b76da-a800-7000-8000-000000000001',
    'fg-019b76da-a800-7000-8000-000000000001.',
    'fg-019b76da-a800-7000-8000-000000000001.short',
    `fg-019b76da-a800-7000-8000-000000000001.${'a'.repeat(42)}`,
    `fg-019b76da-a800-7000-8000-000000000001.${'a'.repeat(44)}`,
    `fg-019b76da-a800-7000-8000-000000000001.${'a'.repeat(42)}=`,
    `fg-019b76da-a800-7000-8000-000000000001.${'a'.repeat(42)}+`,
    `fg-019b76da-a800-7000-8000-000000000001.${'a'.repeat(43)}\n`,
    ` fg-019b76da-a800-7000-8000-000000000001.${'a'.repeat(43)}`,
    `FG-019b76da-a800-7000-8000-000000000001.${'a'.repeat(43)}`,
    `fg-019B76DA-a800-7000-8000-000000000001.${'a'.repeat(43)}`,
    `fg-019b76daa80070008000000000000001.${'a'.repeat(43)}`,
    `fgs.019b76da-a800-7000-8000-000000000001.${'a'.repeat(43)}`,
  ])('is not %j', (text) => {
    expect(parseBearer(text)).toBeUndefined()
  })

  test('whatever is shown, and whatever was kept, there is an answer', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 40 }), (text, digest) => {
        expect(parseBearer(text)).toBeUndefined()
        expect(matches(text, digest)).toBe(false)
      }),
    )
  })
})

test('a text that somebody made of bearers loses their secrets', () => {
  const { bearer } = mintBearer('019b76da-a800-7000-8000-000000000001')
  const text = withoutBearers(`no ${bearer}, no ${bearer.toUpperCase()}x`)
  expect(text).toBe('no fg-019b76da-a800-7000-8000-000000000001.…, no FG-019B76DA-A800-7000-8000-000000000001.…x')
  expect(withoutBearers('fg-1.2')).toBe('fg-1.2')
})
