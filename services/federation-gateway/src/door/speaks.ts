import type { Duplex } from 'node:stream'
import type { Clock } from '@powernode/clock'

/**
 * Waits until the other end has sent something, and says whether it did in time.
 *
 * Nothing is consumed: what arrived stays in the stream's buffer for whoever takes the stream over (both TLS and
 * HTTP/2 of Node begin with what is already buffered).
 */
export async function speaks(stream: Duplex, clock: Clock, withinMs: number): Promise<boolean> {
  if (stream.readableLength > 0) return true
  const settled = new AbortController()
  const settle = () => settled.abort()
  const events = ['readable', 'end', 'error', 'close'] as const
  for (const event of events) stream.once(event, settle)
  if (!stream.destroyed) await clock.sleep(withinMs, settled.signal)
  for (const event of events) stream.off(event, settle)
  return !stream.destroyed && stream.readableLength > 0
}

const TLS_HANDSHAKE_RECORD = 0x16

/** Whether what arrived begins as TLS does (RFC 8446 §5.1). Looks without consuming. */
export function beginsTls(stream: Duplex): boolean {
  const first: unknown = stream.read()
  if (!Buffer.isBuffer(first)) return false
  stream.unshift(first)
  return first[0] === TLS_HANDSHAKE_RECORD
}
