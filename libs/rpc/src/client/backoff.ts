import { randomInt } from 'node:crypto'

/**
 * How long to wait before the n-th attempt after a failure: doubling up to a limit, spread over its upper half, so that
 * everybody whom one restart disconnected does not come back at one moment.
 */
export function backoffMs(failures: number, { firstMs = 50, maxMs = 5_000 } = {}): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30))
  return Math.ceil(full / 2) + randomInt(Math.floor(full / 2) + 1)
}
