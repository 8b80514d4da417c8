import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

/** Random bytes in store: a visit to the generator for each id would cost more than the id. */
const store = new Uint8Array(4_096)
const [EACH, MOST] = [16, 2 ** 32]
let used = store.length
let last = { atMs: 0, sequence: 0 }

/** The id of a decision made at that moment, a UUIDv7. Those of one millisecond sort in the order they were made in. */
export function newDecisionId(atMs: number): string {
  if (used + EACH > store.length) {
    randomFillSync(store)
    used = 0
  }
  const random = store.subarray(used, (used += EACH))
  if (last.atMs === atMs) last.sequence = (last.sequence + 1) % MOST
  else last = { atMs, sequence: new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1 }
  return v7({ msecs: atMs, seq: last.sequence, random })
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return UUID.test(text)
}
