import { hkdfSync } from 'node:crypto'

/** A WireGuard key (X25519, RFC 7748) in base64. */
const BASE64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/

/**
 * Every point of low order on Curve25519 and on its twist, as the low 255 bits in hex, little-endian (RFC 7748 §6.1 and its
 * security considerations): whoever uses one gets a shared secret that everybody knows.
 */
const LOW_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/**
 * Why a public key is not to be believed; undefined: nothing speaks against it.
 *
 * A key MUST have one spelling: WireGuard ignores the highest bit and reduces by 2^255-19, so another text would be the same
 * key under another name.
 */
export function objectionToKey(key: string): string | undefined {
  if (!BASE64.test(key)) return 'is not 32 bytes in base64'
  const bytes = Buffer.from(key, 'base64')
  if (((bytes[31] ?? 0) & 0x80) !== 0 || isNotReduced(bytes)) return 'is not in its canonical form'
  return LOW_ORDER.has(bytes.toString('hex')) ? 'is of low order' : undefined
}

/** Whether it is 2^255-19 or more: only the last nineteen of the numbers of 255 bits are. */
function isNotReduced(bytes: Buffer): boolean {
  return bytes[31] === 0x7f && bytes.subarray(1, 31).every((byte) => byte === 0xff) && (bytes[0] ?? 0) >= 0xed
}

export const HALF_BYTES = 32

/** One platform's half of the key of a road, under that platform's id. */
export type Half = { readonly platformId: string; readonly half: Uint8Array }

/**
 * The preshared key of the road between two platforms: HKDF-SHA256 (RFC 5869) over both halves, that of the lower platform
 * id first, so that both ends come to the same and neither chooses it alone.
 */
export function presharedKey(one: Half, other: Half): string {
  const [low, high] = one.platformId < other.platformId ? [one, other] : [other, one]
  const info = `powernode overlay preshared key v1\0${low.platformId}\0${high.platformId}`
  return Buffer.from(hkdfSync('sha256', Buffer.concat([low.half, high.half]), '', info, 32)).toString('base64')
}
