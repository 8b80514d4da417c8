import type { Duplex } from 'node:stream'
import type { Clock } from '@powernode/clock'

/** What came of waiting for the other end: it said something, it went away, or neither. */
export type Heard = 'something' | 'goodbye' | 'nothing'

/**
 * Waits until the other end has sent something, and says whether it did in time.
 *
 * Nothing is consumed: what arrived stays in the stream's buffer for whoever takes the stream over (both TLS and
 * HTTP/2 of Node begin with what is already buffered).
 */
export async function firstWord(stream: Duplex, clock: Clock, withinMs: number): Promise<Heard> {
  if (stream.readableLength > 0) return 'something'
  if (stream.destroyed) return 'goodbye'
  const settled = new AbortController()
  const settle = () => settled.abort()
  const events = ['readable', 'end', 'error', 'close'] as const
  for (const event of events) stream.once(event, settle)
  await clock.sleep(withinMs, settled.signal)
  for (const event of events) stream.off(event, settle)
  if (stream.readableLength > 0 && !stream.destroyed) return 'something'
  return settled.signal.aborted ? 'goodbye' : 'nothing'
}

const TLS_HANDSHAKE_RECORD = 0x16

/** Whether what arrived begins as TLS does (RFC 8446 §5.1). Looks without consuming. */
export function beginsTls(stream: Duplex): boolean {
  const first: unknown = stream.read()
  if (!Buffer.isBuffer(first)) return false
  stream.unshift(first)
  return first[0] === TLS_HANDSHAKE_RECORD
}
