/**
 * Arrays as Postgres' own bytes (array_send of src/backend/utils/adt/arrayfuncs.c), as values of statements whose parameters
 * have these types. As text every element would be written, escaped, and read again, on both sides.
 */
const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const NULL = -1

/** Of pg_type. */
const OIDS = { bool: 16, int8: 20, int4: 23, text: 25, float8: 701, uuid: 2950 } as const
type Element = keyof typeof OIDS

export function int4s(values: readonly number[]): Buffer {
  return fixed('int4', 4, values, (to, at, value) => to.writeInt32BE(value, at))
}

export function int8s(values: readonly number[]): Buffer {
  return fixed('int8', 8, values, (to, at, value) => {
    const low = value % TWO_32
    to.writeInt32BE((value - low) / TWO_32, at)
    to.writeUInt32BE(low, at + 4)
  })
}

/** Whole numbers that JavaScript is exact about, and none below 0, fit into two halves. */
const TWO_32 = 2 ** 32

export function float8s(values: readonly number[]): Buffer {
  return fixed('float8', 8, values, (to, at, value) => to.writeDoubleBE(value, at))
}

export function bools(values: readonly boolean[]): Buffer {
  return fixed('bool', 1, values, (to, at, value) => to.writeUInt8(Number(value), at))
}

export function uuids(values: readonly (string | null)[]): Buffer {
  const parts = values.map((value) => (value === null ? null : value.replaceAll('-', '')))
  return variable('uuid', parts, () => 16, (to, at, value) => {
    if (to.write(value, at, 'hex') !== 16) throw new Error('a UUID has 32 hexadecimal digits')
  }) // prettier-ignore
}

export function texts(values: readonly (string | null)[]): Buffer {
  return variable(
    'text',
    values,
    (value) => Buffer.byteLength(value),
    (to, at, value) => to.write(value, at),
  )
}

// oxlint-disable-next-line max-params -- type, size, values, and how one is written
function fixed<T>(
  element: Element,
  size: number,
  values: readonly T[],
  write: (to: Buffer, at: number, value: T) => void,
): Buffer {
  const array = arrayOf(element, values.length, values.length * (LENGTH_BYTES + size))
  let at = HEADER_BYTES
  for (const value of values) {
    array.writeInt32BE(size, at)
    write(array, at + LENGTH_BYTES, value)
    at += LENGTH_BYTES + size
  }
  return array
}

// oxlint-disable-next-line max-params -- type, values, how long one is, and how it is written
function variable(
  element: Element,
  values: readonly (string | null)[],
  sizeOf: (value: string) => number,
  write: (to: Buffer, at: number, value: string) => void,
): Buffer {
  const sizes = values.map((value) => (value === null ? NULL : sizeOf(value)))
  const array = arrayOf(element, values.length, sizes.reduce((sum, size) => sum + LENGTH_BYTES + Math.max(size, 0), 0)) // prettier-ignore
  let at = HEADER_BYTES
  for (const [nth, size] of sizes.entries()) {
    array.writeInt32BE(size, at)
    at += LENGTH_BYTES
    const value = values[nth]
    if (size === NULL || value === null || value === undefined) {
      array.writeInt32BE(1, 4) // there are nulls
      continue
    }
    write(array, at, value)
    at += size
  }
  return array
}

/** Of one dimension, whose first element has the number 1; of none where it is empty. */
function arrayOf(element: Element, count: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(count === 0 ? 12 : HEADER_BYTES + bytes)
  array.writeInt32BE(count === 0 ? 0 : 1, 0)
  array.writeInt32BE(0, 4)
  array.writeInt32BE(OIDS[element], 8)
  if (count === 0) return array
  array.writeInt32BE(count, 12)
  array.writeInt32BE(1, 16)
  return array
}
