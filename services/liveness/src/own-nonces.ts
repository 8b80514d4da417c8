import { randomBytes } from 'node:crypto'

export const NONCE_BYTES = 16
const STAMP_BYTES = 8
const ENTRY_BYTES = NONCE_BYTES + STAMP_BYTES

/** How many of our nonces a peer may still echo. More than one, because its echo may cross our next beat. */
export const KEPT_NONCES = 4

/** 128 random bits, new with every beat: who echoes them has heard that beat, not guessed it. */
export const mintNonce = (): Buffer => randomBytes(NONCE_BYTES)

/** 128 random bits that tell two epochs of one number apart. */
export const mintIncarnation = (): Buffer => randomBytes(NONCE_BYTES)

/**
 * Remembers a nonce we sent, newest first, and forgets what exceeds the bound.
 *
 * Packed as nonce ‖ milliseconds since 1970 (big endian), so that a peer's nonces are one column of at most 96 bytes.
 */
export function rememberNonce(kept: Buffer, nonce: Uint8Array, sentAt: Date): Buffer {
  const stamp = Buffer.alloc(STAMP_BYTES)
  stamp.writeBigUInt64BE(BigInt(sentAt.getTime()))
  return Buffer.concat([nonce, stamp, kept.subarray(0, (KEPT_NONCES - 1) * ENTRY_BYTES)])
}

/** When we sent this nonce; null when it is none of the last few. */
export function sentAtOf(kept: Buffer, nonce: Uint8Array): Date | null {
  if (nonce.length !== NONCE_BYTES) return null
  for (let at = 0; at + ENTRY_BYTES <= kept.length; at += ENTRY_BYTES) {
    if (kept.subarray(at, at + NONCE_BYTES).equals(nonce)) {
      return new Date(Number(kept.readBigUInt64BE(at + NONCE_BYTES)))
    }
  }
  return null
}
