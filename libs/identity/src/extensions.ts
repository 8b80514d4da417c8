import { elementsOf, NotDer, type Element } from './der.ts'

const [SEQUENCE, BOOLEAN, BIT_STRING, OCTET_STRING, EXTENSIONS] = [0x30, 0x01, 0x03, 0x04, 0xa3] as const
/** 2.5.29.15 and 2.5.29.19. */
const [KEY_USAGE, BASIC_CONSTRAINTS] = ['551d0f', '551d13'] as const

export type Stated = {
  /** x509.KeyUsageFlags: bit n of the list is 1 << n. */
  readonly usages: number
  readonly ca: boolean
}

/**
 * What Node does not show of a certificate (DER): the key usages (its `keyUsage` are the extended ones), and the CA flag as it
 * stands (its `ca` is false for a CA that may not sign certificates). No usages stated: none granted.
 *
 * Undefined where one of the two is stated twice (RFC 5280 §4.2 forbids it), or cannot be read: nobody knows then what it says.
 */
export function stated(certificate: Uint8Array): Stated | undefined {
  try {
    const found = new Map<string, Uint8Array>()
    for (const [id, value] of extensionsOf(certificate)) {
      if (id !== KEY_USAGE && id !== BASIC_CONSTRAINTS) continue
      if (found.has(id)) return undefined
      found.set(id, value)
    }
    const [usage, constraints] = [found.get(KEY_USAGE), found.get(BASIC_CONSTRAINTS)]
    return { usages: usage ? bitsOf(usage) : 0, ca: constraints ? isCa(constraints) : false }
  } catch (error) {
    if (error instanceof NotDer) return undefined
    throw error
  }
}

/** Certificate ▸ TBSCertificate ▸ [3] ▸ Extensions ▸ { extnID, critical, extnValue } (RFC 5280 §4.1). */
function* extensionsOf(der: Uint8Array): Generator<readonly [id: string, value: Uint8Array]> {
  const [body] = elementsOf(only(elementsOf(der), SEQUENCE))
  const extensions = elementsOf(only(body && [body], SEQUENCE)).find(({ tag }) => tag === EXTENSIONS)
  if (!extensions) return
  for (const { content } of elementsOf(only(elementsOf(extensions.content), SEQUENCE))) {
    const [id, ...rest] = elementsOf(content)
    const value = rest.at(-1)
    yield [Buffer.from(id?.content ?? []).toString('hex'), only(value && [value], OCTET_STRING)]
  }
}

function bitsOf(value: Uint8Array): number {
  const [, ...bytes] = only(elementsOf(value), BIT_STRING)
  let bits = 0
  for (let n = 0; n < bytes.length * 8; n++) if ((bytes[n >> 3] ?? 0) & (0x80 >> (n & 7))) bits |= 1 << n
  return bits
}

function isCa(value: Uint8Array): boolean {
  const [first] = elementsOf(only(elementsOf(value), SEQUENCE))
  return first?.tag === BOOLEAN && first.content[0] !== 0
}

function only(elements: readonly Element[] | undefined, tag: number): Uint8Array {
  const [element, ...more] = elements ?? []
  if (element?.tag !== tag || more.length > 0) throw new NotDer(`something else than one value of tag ${tag}`)
  return element.content
}
