import type { Socket } from 'node:net'
import type { Drops } from './drops.ts'
import { LIMITS } from './limits.ts'

/** Connections that have not shown a certificate yet. */
export type Handshakes = {
  readonly begin: (socket: Socket) => void
  readonly end: (key: string) => void
  /** Hangs up on everybody who is not through yet. */
  readonly destroy: () => void
}

/**
 * Keeps strangers from using up what honest callers need.
 *
 * Ten thousand connections that never speak hold at most `handshakes` places, and each newcomer takes the place of
 * the oldest: a caller that speaks at once is through long before its turn to go.
 */
export function guardHandshakes(drops: Drops): Handshakes {
  const waiting = new Map<string, Socket>()
  const waitingBySource = new Map<string, Set<string>>()

  function end(key: string): void {
    waiting.delete(key)
    const source = sourceOf(key)
    const keys = waitingBySource.get(source)
    keys?.delete(key)
    if (keys?.size === 0) waitingBySource.delete(source)
  }

  function dropOldest(keys: Iterable<string>): void {
    for (const key of keys) {
      drops.note('too_many_handshakes', sourceOf(key))
      waiting.get(key)?.destroy()
      end(key)
      return
    }
  }

  return {
    begin(socket) {
      const key = connectionKey(socket)
      const source = sourceOf(key)
      const keys = waitingBySource.get(source) ?? new Set<string>()
      if (keys.size >= LIMITS.handshakesPerSource) dropOldest(keys)
      else if (waiting.size >= LIMITS.handshakes) dropOldest(waiting.keys())
      waiting.set(key, socket)
      waitingBySource.set(source, keys.add(key))
      socket.once('close', () => end(key))
    },
    end,
    destroy() {
      for (const socket of waiting.values()) socket.destroy()
    },
  }
}

/** Names a connection while it is open, whether seen as TCP, TLS, HTTP/1.1 or HTTP/2. */
export function connectionKey({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress ?? 'gone'} ${remotePort ?? 0}`
}

export function sourceOf(key: string): string {
  return key.slice(0, key.indexOf(' '))
}
