import { Refusal } from '../errors/refusal.ts'

/** Before each message: whether it is packed, and how long it is (gRPC's length-prefixed message). */
export const FRAME_HEADER_BYTES = 5
const PACKED = 1

/** A message as it goes over the wire. */
export function framed(bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + bytes.length)
  frame.set(bytes, FRAME_HEADER_BYTES)
  return headed(frame)
}

/** The same of a message that was written behind room for its header, and is not copied. */
export function headed(frame: Buffer): Buffer {
  frame[0] = 0
  frame.writeUInt32BE(frame.length - FRAME_HEADER_BYTES, 1)
  return frame
}

/**
 * The messages in what comes in, however it is cut. No more is held than one message may have: one that says that it is longer
 * is refused before it has come.
 */
export class FrameReader {
  readonly #mostBytes: number
  #held: Buffer[] = []
  #length = 0
  /** Of the message at the front, with its header; undefined until that is there. */
  #wanted: number | undefined

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether what came so far ends with a message. */
  get isBetween(): boolean {
    return this.#length === 0
  }

  /** Takes what has come, and gives each message that is whole to `take`. Throws what speaks against it. */
  read(bytes: Buffer, take: (message: Buffer) => void): void {
    this.#held.push(bytes)
    this.#length += bytes.length
    while (this.#length >= (this.#wanted ?? FRAME_HEADER_BYTES)) {
      const all = this.#whole()
      this.#wanted ??= this.#wantedBy(all)
      if (all.length < this.#wanted) return
      const message = all.subarray(FRAME_HEADER_BYTES, this.#wanted)
      const rest = all.subarray(this.#wanted)
      this.#held = rest.length > 0 ? [rest] : []
      this.#length = rest.length
      this.#wanted = undefined
      take(message)
    }
  }

  #whole(): Buffer {
    const [first] = this.#held
    if (first && this.#held.length === 1) return first
    const all = Buffer.concat(this.#held)
    this.#held = [all]
    return all
  }

  #wantedBy(frame: Buffer): number {
    if (frame.readUInt8() & PACKED) throw new Refusal('REQUEST_INVALID', 'send messages uncompressed')
    const length = frame.readUInt32BE(1)
    if (length <= this.#mostBytes) return FRAME_HEADER_BYTES + length
    throw new Refusal('MESSAGE_TOO_LARGE', `a message may have ${this.#mostBytes} bytes at most`, {
      metadata: { limit_bytes: String(this.#mostBytes) },
    })
  }
}
