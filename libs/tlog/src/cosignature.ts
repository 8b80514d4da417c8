/** What a witness signs: the checkpoint's text, and when it was seen to be the log's newest (tlog-cosignature, Ed25519). */
export const cosignedMessage = (seconds: number, body: string): string => `cosignature/v1\ntime ${seconds}\n${body}`

/** The first eight bytes of a cosignature: POSIX seconds, big endian. */
export function timestampBytes(seconds: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(seconds))
  return bytes
}

/** The moment a cosignature names, in seconds; undefined when it has not the form of one, or names none we can count to. */
export function timestampOf(signature: Uint8Array): number | undefined {
  if (signature.length !== 8 + 64) return undefined
  const seconds = Number(Buffer.from(signature.subarray(0, 8)).readBigUInt64BE())
  return seconds * 1_000 <= Number.MAX_SAFE_INTEGER ? seconds : undefined
}
