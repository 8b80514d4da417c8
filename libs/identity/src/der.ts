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

/** One value of DER, without its tag and length. */
export type Element = { readonly tag: number; readonly content: Uint8Array }

/** Bytes that are not DER. */
export class NotDer extends Error {
  override readonly name = 'NotDer'
}

/**
 * The values that stand one after the other in `bytes`, as views. Tags are of one byte, as all in a certificate are.
 *
 * Takes some microseconds where the ASN.1 reader, which makes an object of everything, takes a millisecond: what every
 * handshake looks at is read by this. It MUST be as strict as DER is, so that nobody else can read the same bytes otherwise.
 */
export function elementsOf(bytes: Uint8Array): Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0
    const { length, from } = lengthAt(bytes, at + 1)
    if ((tag & 0x1f) === 0x1f || from + length > bytes.length) throw new NotDer(`no value of DER at byte ${at}`)
    found.push({ tag, content: bytes.subarray(from, from + length) })
    at = from + length
  }
  return found
}

/** A length in its shortest form (X.690 §10.1), and where what it counts begins. */
function lengthAt(bytes: Uint8Array, at: number): { readonly length: number; readonly from: number } {
  const first = bytes[at] ?? 0x80
  if (first < 0x80) return { length: first, from: at + 1 }
  const count = first & 0x7f
  const digits = bytes.subarray(at + 1, at + 1 + count)
  const length = digits.reduce((sum, digit) => sum * 256 + digit, 0)
  const isShortest = length >= 0x80 && digits[0] !== 0
  if (count === 0 || count > 4 || digits.length < count || !isShortest)
    throw new NotDer(`no length of DER at byte ${at}`)
  return { length, from: at + 1 + count }
}
