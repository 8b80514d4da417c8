/** The wire wants bytes of its own, not a window into a pool of Node's. */
export function bytes(from: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(from)
}
