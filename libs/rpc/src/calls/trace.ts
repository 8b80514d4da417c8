import { randomFillSync } from 'node:crypto'

export const TRACEPARENT = 'traceparent'

/** One span of a trace (W3C Trace Context, level 1). */
export type Trace = {
  /** 32 lower-case hex digits, the same for everything that one outside request caused. */
  readonly traceId: string
  /** 16 lower-case hex digits: this part of it. */
  readonly spanId: string
  readonly flags: string
}

const SAMPLED = '01'
const VERSION_00_LENGTH = 55
const FORM =
  /^(?!ff)[0-9a-f]{2}-(?<traceId>(?!0{32})[0-9a-f]{32})-(?<parentId>(?!0{16})[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?:$|-)/

/**
 * The span of our work on a request: a child of the caller's span, or the first of a new trace.
 *
 * A header that breaks the rules (§3.2) counts as absent, as the standard demands; a later version is read as far as
 * version 00 goes (§4).
 */
export function childOf(header: string | null | undefined): Trace {
  const parent = header ? FORM.exec(header)?.groups : undefined
  const overlong = header?.startsWith('00-') && header.length !== VERSION_00_LENGTH
  if (!parent?.['traceId'] || overlong) return { traceId: hex(16), spanId: hex(8), flags: SAMPLED }
  return { traceId: parent['traceId'], spanId: hex(8), flags: parent['flags'] ?? SAMPLED }
}

/** The header that makes a call outward a child of `trace`. */
export function traceparentOf({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`
}

/** Random bytes in store: a visit to the generator for each id would cost more than the id. */
const store = Buffer.alloc(4_096)
let used = store.length

function hex(bytes: number): string {
  if (used + bytes > store.length) {
    randomFillSync(store)
    used = 0
  }
  used += bytes
  return store.toString('hex', used - bytes, used)
}
