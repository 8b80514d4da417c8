const SEQUENCE = 0x30

/**
 * Whether bytes are one DER SEQUENCE from first to last: definite, shortest length, nothing after it (X.690 §10.1).
 * The ASN.1 reader forgives all of these, and what is stored, hashed or compared must be what was understood.
 */
export function isOneSequence(der: Uint8Array): boolean {
  const [tag, first = 0] = der
  if (tag !== SEQUENCE || der.length < 2) return false
  if (first < 0x80) return der.length === 2 + first
  const count = first & 0x7f
  if (count === 0 || count > 4 || der.length < 2 + count) return false
  const length = Buffer.from(der).readUIntBE(2, count)
  const shortest = length >= 0x80 && length >= 2 ** (8 * (count - 1))
  return shortest && der.length === 2 + count + length
}
