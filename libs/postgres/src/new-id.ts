import { v7 } from 'uuid'

/** A new UUIDv7 (RFC 9562 section 5.7) of the given moment: ids made later sort later, to the millisecond. */
export function newId(now: Date): string {
  return v7({ msecs: now.getTime() })
}
