import { createPublicKey, diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { objectionToKey, presharedKey } from './tunnel-key.ts'

const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64')

/** Whether a secret shared with this point is the same for everybody: OpenSSL refuses to derive one of zeros. */
function isWorthless(raw: Buffer): boolean {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_X25519, raw]), format: 'der', type: 'spki' })
  const { privateKey } = generateKeyPairSync('x25519')
  try {
    diffieHellman({ privateKey, publicKey })
    return false
  } catch {
    return true
  }
}

test.each([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])('the point %s is of low order, as X25519 itself says, and is no key', (hex) => {
  expect(isWorthless(Buffer.from(hex, 'hex'))).toBe(true)
  expect(objectionToKey(base64(hex))).toBe('is of low order')
})

test.each([
  ['p', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['p + 1', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['2^255 - 1', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['a point with the bit that is ignored', '0900000000000000000000000000000000000000000000000000000000000080'],
])('%s is another spelling of another key, and none', (_what, hex) => {
  expect(objectionToKey(base64(hex))).toBe('is not in its canonical form')
})

test('what an honest generator makes is a key, a thousand times out of a thousand', () => {
  for (let n = 0; n < 1_000; n++) {
    const { publicKey } = generateKeyPairSync('x25519')
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    expect(objectionToKey(raw.toString('base64'))).toBeUndefined()
  }
})

test.each(['', 'AAAA', 'A'.repeat(43), `${'A'.repeat(42)}B=`, `${'A'.repeat(43)}=\n`, `-${'A'.repeat(42)}=`])(
  '%j is no key',
  (text) => {
    expect(objectionToKey(text)).toBe('is not 32 bytes in base64')
  },
)

test('both ends come to the same preshared key, whoever computes it, and no half alone decides it', () => {
  const one = { platformId: 'a'.repeat(32), half: randomBytes(32) }
  const other = { platformId: 'b'.repeat(32), half: randomBytes(32) }
  const key = presharedKey(one, other)
  expect(presharedKey(other, one)).toBe(key)
  expect(Buffer.from(key, 'base64')).toHaveLength(32)
  expect(presharedKey(one, { ...other, half: randomBytes(32) })).not.toBe(key)
  expect(presharedKey({ ...one, half: randomBytes(32) }, other)).not.toBe(key)
  expect(presharedKey({ ...one, half: other.half }, { ...other, half: one.half })).not.toBe(key)
})

test('the preshared key is HKDF-SHA256 over both halves, lower platform id first: others can compute it (here: Python)', () => {
  const one = { platformId: 'a'.repeat(32), half: Buffer.alloc(32, 1) }
  const other = { platformId: 'b'.repeat(32), half: Buffer.alloc(32, 2) }
  expect(presharedKey(one, other)).toBe('lI3CV3+IJhFsuatQghb85Nj1Wm6a0H+sD4Nr3TAmB58=')
})
