import { createHash } from 'node:crypto'

/**
 * Every place of a space, in an order that follows from a seed alone: the first that is free is taken. Each place comes once,
 * so that a space is full when it is full and not before (drawing with replacement gives up with a third still free); and the
 * same records, made again in the same order, come to the same places.
 *
 * A start and a step from SHA-256 of the seed; a step without a common divisor with the size walks through all of it.
 */
export function* placesOf(seed: string, size: bigint): Generator<bigint, void> {
  const digest = createHash('sha256').update(seed).digest()
  const start = digest.readBigUInt64BE(0) % size
  let step = digest.readBigUInt64BE(8) % size
  while (step === 0n || commonDivisor(step, size) !== 1n) step = (step + 1n) % size || 1n
  let place = start
  for (let taken = 0n; taken < size; taken++) {
    yield place
    place = (place + step) % size
  }
}

/** The first place that is free; undefined when none is. */
export function firstFree(seed: string, size: bigint, isTaken: (place: bigint) => boolean): bigint | undefined {
  for (const place of placesOf(seed, size)) if (!isTaken(place)) return place
  return undefined
}

function commonDivisor(one: bigint, other: bigint): bigint {
  let [a, b] = [one, other]
  while (b !== 0n) [a, b] = [b, a % b]
  return a
}
