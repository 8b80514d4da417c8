/** What stands there is not what is read by hand: whoever reads it asks the library. */
export class Odd extends Error {
  override readonly name = 'Odd'
}

/** The first byte of what is not ASCII, and the bits of a number that each byte of it has (base 128 varints). */
const [MORE, BITS] = [0x80, 0x7f]
/** What bytes are replaced by that are no UTF-8. */
const REPLACED = '\u{fffd}'

/**
 * Reads the protobuf wire format from the front on, for messages that every call has. Throws `Odd` at whatever it does not read.
 */
export class WireReader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get hasMore(): boolean {
    return this.at < this.#bytes.length
  }

  /** A number that is neither negative nor too large for us. */
  varint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= MORE) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) throw new Odd()
      value += (byte & BITS) * scale
      if (byte < MORE) return safe(value)
    }
    throw new Odd()
  }

  /** Where what begins here ends. */
  endOfPart(): number {
    const length = this.varint()
    const end = this.at + length
    if (end > this.#bytes.length) throw new Odd()
    return end
  }

  bytes(): Buffer {
    const end = this.endOfPart()
    const bytes = this.#bytes.subarray(this.at, end)
    this.at = end
    return bytes
  }

  text(): string {
    const end = this.endOfPart()
    const text = this.#bytes.toString('utf8', this.at, end)
    if (text.includes(REPLACED)) throw new Odd()
    this.at = end
    return text
  }
}

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw new Odd()
}

/** Writes it. MUST be given as many bytes as there will be at most. */
export class WireWriter {
  #at = 0
  readonly #bytes: Buffer

  constructor(most: number) {
    this.#bytes = Buffer.allocUnsafe(most)
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  varint(value: number): void {
    let rest = value
    for (; rest >= MORE; rest = Math.floor(rest / MORE)) this.byte((rest % MORE) + MORE)
    this.byte(rest)
  }

  /** What follows until `endPart` stands behind its length, which MUST be below 128. */
  beginPart(): number {
    return this.#at++
  }

  endPart(begin: number): void {
    this.#bytes[begin] = this.#at - begin - 1
  }

  written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }
}
