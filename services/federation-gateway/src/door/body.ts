import { FRAME_HEADER_BYTES, Refusal } from '@powernode/rpc'

/**
 * The one message of a call as it comes in (gRPC's length-prefixed message).
 *
 * No more of it is held than a message may have, and one that says it is longer is refused before it has come.
 */
export class Body {
  readonly #mostBytes: number
  /** What has come; nearly always all in one piece. */
  #bytes: Buffer | undefined
  #more: Buffer[] | undefined
  #length = 0
  #wanted: number | undefined

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Takes what has come; says what speaks against it. */
  add(bytes: Buffer): Refusal | undefined {
    this.#length += bytes.length
    if (!this.#bytes) this.#bytes = bytes
    else (this.#more ??= []).push(bytes)
    if (this.#length < FRAME_HEADER_BYTES) return undefined
    this.#wanted ??= FRAME_HEADER_BYTES + this.#whole().readUInt32BE(1)
    const most = FRAME_HEADER_BYTES + this.#mostBytes
    if (this.#wanted > most) {
      const said = `Received message larger than max (${this.#wanted - FRAME_HEADER_BYTES} vs ${this.#mostBytes})`
      return new Refusal('MESSAGE_TOO_LARGE', said)
    }
    if (this.#length > this.#wanted) return new Refusal('REQUEST_INVALID', 'the request is not one message')
    return undefined
  }

  /** The message, once all of it is there. */
  get message(): Buffer | undefined {
    return this.#length === this.#wanted ? this.#whole().subarray(FRAME_HEADER_BYTES) : undefined
  }

  #whole(): Buffer {
    if (this.#bytes && !this.#more) return this.#bytes
    this.#bytes = Buffer.concat([this.#bytes ?? Buffer.alloc(0), ...(this.#more ?? [])])
    this.#more = undefined
    return this.#bytes
  }
}
