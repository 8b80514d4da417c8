import { sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checkIdentityKey,
  fingerprintOf,
  generatePlatformKey,
  InvalidKey,
  platformIdOf,
  platformKeyFromPkcs8,
  platformKeyToPkcs8,
  publicKeyObject,
} from './index.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

/** Every encoding of a point of order 1, 2, 4 or 8: canonical, and the non-canonical that decode to the same points. */
const SMALL_ORDER = {
  'the identity': '0100000000000000000000000000000000000000000000000000000000000000',
  'order 2': 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'order 4': '0000000000000000000000000000000000000000000000000000000000000000',
  'order 4, negative': '0000000000000000000000000000000000000000000000000000000000000080',
  'order 8, a': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'order 8, a negative': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'order 8, b': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'order 8, b negative': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  'the identity with a sign': '0100000000000000000000000000000000000000000000000000000000000080',
  'order 2 with a sign': 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'order 4, y = p': 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'order 4, y = p, negative': 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'the identity, y = p + 1': 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'the identity, y = p + 1, with a sign': 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
} as const

test.each(Object.entries(SMALL_ORDER))('an identity key of small order is refused: %s', (_, encoding) => {
  expect(() => checkIdentityKey(hex(encoding))).toThrow(InvalidKey)
})

test.each(Array.from({ length: 19 }, (_, above) => above))(
  'a y of p + %i, which is not canonical, is refused',
  (above) => {
    for (const last of [0x7f, 0xff]) {
      const encoding = Uint8Array.from([0xed + above, ...Array<number>(30).fill(0xff), last])
      expect(() => checkIdentityKey(encoding)).toThrow(InvalidKey)
    }
  },
)

test('a key outside the prime-order subgroup is refused', () => {
  // The base point plus a point of order 8.
  const mixed = mixedOrderKey()
  expect(() => checkIdentityKey(mixed)).toThrow('prime-order')
})

test('asked again, and after more keys than are remembered, the answer is the same', () => {
  const keys = Array.from({ length: 1_030 }, () => generatePlatformKey().publicKey)
  for (const key of [...keys, ...keys.slice(0, 10)]) expect(() => checkIdentityKey(key)).not.toThrow()
  const bad = mixedOrderKey()
  for (const _ of [1, 2]) expect(() => checkIdentityKey(bad)).toThrow('prime-order')
})

test('bytes that are no point at all are refused, as half of all are', () => {
  const refused = Array.from({ length: 64 }, (_, y) => Uint8Array.from([y + 2, ...Array<number>(31).fill(0)])).filter(
    (raw) => {
      try {
        checkIdentityKey(raw)
        return false
      } catch (error) {
        return error instanceof InvalidKey
      }
    },
  )
  expect(refused.length).toBeGreaterThan(16)
})

test.each([0, 31, 33, 64])('a key of %i bytes is refused', (length) => {
  expect(() => checkIdentityKey(new Uint8Array(length))).toThrow('32 bytes')
})

test('every key that is made passes, and survives rest', () => {
  for (let round = 0; round < 20; round++) {
    const key = generatePlatformKey()
    checkIdentityKey(key.publicKey)
    const again = platformKeyFromPkcs8(platformKeyToPkcs8(key))
    expect(again.publicKey).toEqual(key.publicKey)
    const signature = sign(null, Buffer.from('said'), again.privateKey)
    expect(verify(null, Buffer.from('said'), publicKeyObject(key.publicKey), signature)).toBe(true)
  }
})

test('a platform id is the base32 of the first 20 bytes of the SHA-256 of its key', () => {
  // RFC 8032 §7.1, test 1; the id by: xxd -r -p | sha256sum | xxd -r -p | head -c 20 | base32 | tr A-Z a-z
  const key = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
  expect(platformIdOf(key)).toBe('eh7ddx5bksrgcytl7bkai36se4nxx3kl')
  expect(fingerprintOf(key)).toBe('21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9')
})

test('every platform id fits its pattern', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (raw) => {
      expect(platformIdOf(raw)).toMatch(/^[a-z2-7]{32}$/)
    }),
  )
})

function mixedOrderKey(): Uint8Array {
  return hex('da99e28ba529cdde35a25fba9059e78ecaee239f99755b9b1aa4f65df00803e2')
}
