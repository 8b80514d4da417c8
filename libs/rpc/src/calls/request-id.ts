import { randomUUID } from 'node:crypto'

export const REQUEST_ID = 'x-request-id'

/** Safe in a log line, a header and a file name. */
const SAFE = /^[A-Za-z0-9._-]{8,64}$/

/** The caller's own id of the request when it is harmless, else a new one. */
export function requestIdFrom(header: string | null | undefined): string {
  return header && SAFE.test(header) ? header : randomUUID()
}
