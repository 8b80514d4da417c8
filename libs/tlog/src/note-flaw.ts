/**
 * `malformed`: no reader may take it for what it claims to be. `unsigned`: no key that we know has signed it.
 * `forged`: it names a key that we know, and the signature is not that key's.
 */
export type FlawKind = 'malformed' | 'unsigned' | 'forged'

/** Why a note, key, checkpoint, proof or policy is not to be believed. */
export class NoteFlaw extends Error {
  override readonly name = 'NoteFlaw'
  readonly kind: FlawKind

  constructor(kind: FlawKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

export const malformed = (message: string, cause?: unknown): NoteFlaw => new NoteFlaw('malformed', message, { cause })

/** Standard base64 (RFC 4648 §4) in its one canonical spelling; anything else has a second spelling, and is refused. */
export function fromBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw malformed(`${what} is not base64 as RFC 4648 writes it`)
  return bytes
}

export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** A size or an index in decimal: no sign, no leading zero, small enough to count with. */
export function fromDecimal(text: string, what: string): number {
  const number = Number(text)
  if (!/^(0|[1-9][0-9]*)$/.test(text) || !Number.isSafeInteger(number)) throw malformed(`${what} is not a decimal number`) // prettier-ignore
  return number
}
