import type { GrantToTell } from '../store/policy-rows.ts'

/** Longer than any grant can be: three axes of 256 values of 64 characters, each perhaps four bytes, and 16 identities. */
const LONGEST_GRANT = 512 * 1024

const TAG = { id: 0x0a, peerId: 0x12, secret: 0x1a, kind: 0x22, resourceId: 0x2a, scopes: 0x30, instances: 0x3a, networks: 0x42, cidrs: 0x4a, identities: 0x52, notBefore: 0x59, expires: 0x61, revoked: 0x69 } as const // prettier-ignore

/**
 * Writes rows as powernode.policy.v1.PolicyGrant, the bytes themselves: made as messages and then serialized, the million
 * that a starting gateway is told took eight times as long. A test reads them back with the generated code.
 */
export class GrantEncoder {
  readonly #body = Buffer.allocUnsafeSlow(LONGEST_GRANT)
  #at = 0

  /** One row as the bytes of a message. Good until the next is encoded. */
  encode(row: GrantToTell): Buffer {
    this.#at = 0
    this.#text(TAG.id, row.id)
    this.#text(TAG.peerId, row.peer_id)
    this.#bytes(TAG.secret, row.secret_sha256)
    this.#text(TAG.kind, row.resource_kind)
    if (row.resource_id !== '') this.#text(TAG.resourceId, row.resource_id)
    this.#body[this.#at++] = TAG.scopes
    this.#body[this.#at++] = row.scopes
    this.#list(TAG.instances, row.instances)
    this.#list(TAG.networks, row.networks)
    this.#list(TAG.cidrs, row.cidrs)
    this.#list(TAG.identities, row.identities)
    this.#double(TAG.notBefore, row.not_before_ms)
    this.#double(TAG.expires, row.expires_at_ms)
    this.#double(TAG.revoked, row.revoked_at_ms)
    return this.#body.subarray(0, this.#at)
  }

  #list(tag: number, said: string): void {
    if (said === '') return
    if (said === '*') return this.#text(tag, said)
    const values: unknown = JSON.parse(said)
    if (!Array.isArray(values)) throw new TypeError('a list of a grant is none')
    for (const value of values) this.#text(tag, String(value))
  }

  #text(tag: number, text: string): void {
    this.#body[this.#at++] = tag
    // Most are shorter than 42 characters, and so than 128 bytes: their length takes one byte.
    if (text.length < 42) {
      const length = this.#body.write(text, this.#at + 1)
      this.#body[this.#at] = length
      this.#at += 1 + length
      return
    }
    this.#at += writeVarint(this.#body, this.#at, Buffer.byteLength(text))
    this.#at += this.#body.write(text, this.#at)
  }

  #bytes(tag: number, bytes: Uint8Array): void {
    this.#body[this.#at++] = tag
    this.#at += writeVarint(this.#body, this.#at, bytes.length)
    this.#body.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #double(tag: number, value: number): void {
    if (value === 0) return
    this.#body[this.#at++] = tag
    this.#at = this.#body.writeDoubleLE(value, this.#at)
  }
}

/** Writes a length as protobuf does, seven bits a byte. Returns how many bytes that took. */
export function writeVarint(into: Buffer, at: number, value: number): number {
  let rest = value
  let next = at
  for (; rest > 0x7f; rest >>>= 7) into[next++] = (rest & 0x7f) | 0x80
  into[next++] = rest
  return next - at
}
