/**
 * How often which round trip was measured: a histogram whose bounds grow by a quarter of an octave, so that a quantile is
 * known to a fifth of itself from one millisecond to a minute, in a few dozen bytes.
 */
export type RoundTrips = Uint32Array

const STEPS_AN_OCTAVE = 4
/** One below a millisecond, and sixteen octaves above it. */
const BUCKETS = 1 + 16 * STEPS_AN_OCTAVE

export const noRoundTrips = (): RoundTrips => new Uint32Array(BUCKETS)

export const bucketOf = (ms: number): number =>
  ms < 1 ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(STEPS_AN_OCTAVE * Math.log2(ms)))

/** No round trip of the bucket was longer. */
export const boundOf = (bucket: number): number => 2 ** (bucket / STEPS_AN_OCTAVE)

/** Of all that were measured the part `quantile` was not longer than this many milliseconds; undefined: none was. */
export function quantile(of: RoundTrips, quantile: number): number | undefined {
  const total = of.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let left = Math.max(1, Math.ceil(total * quantile))
  return boundOf(of.findIndex((count) => (left -= count) <= 0))
}

const PACKED_BYTES = 5

/** The buckets that hold something: one byte which, four how many. */
export function pack(of: RoundTrips): Buffer {
  const held = [...of.entries()].filter(([, count]) => count > 0)
  const packed = Buffer.alloc(held.length * PACKED_BYTES)
  for (const [at, [bucket, count]] of held.entries()) {
    packed.writeUInt8(bucket, at * PACKED_BYTES)
    packed.writeUInt32BE(count, at * PACKED_BYTES + 1)
  }
  return packed
}

/** Adds what was packed. A bucket that there is not (of a later release) counts as the longest. */
export function addPacked(to: RoundTrips, packed: Buffer): void {
  for (let at = 0; at + PACKED_BYTES <= packed.length; at += PACKED_BYTES) {
    const bucket = Math.min(packed.readUInt8(at), BUCKETS - 1)
    to[bucket] = Math.min(LARGEST, (to[bucket] ?? 0) + packed.readUInt32BE(at + 1))
  }
}
const LARGEST = 2 ** 32 - 1
