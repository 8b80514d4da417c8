import { createServer, connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '@powernode/dev/free-port'

/** What a road does with what passes: carries it, refuses to connect, or swallows what comes back. */
export type Weather = 'fair' | 'cut' | 'deaf'

/** A stretch of network in front of one platform's door, whose weather a test makes. */
export type Road = {
  readonly url: string
  weather: Weather
  /** How long what comes back is under way, so that a test can change the weather meanwhile. */
  delayMs: number
  /** Bytes that came back and were swallowed. */
  readonly swallowed: () => number
  readonly close: () => void
}

/** Opens a road to a port of this machine. Cutting it ends what is open, as a pulled cable does. */
export async function openRoad(target: () => number, port?: number): Promise<Road> {
  const open = new Set<Socket>()
  let weather: Weather = 'fair'
  let delayMs = 0
  let swallowed = 0
  const server = createServer((near) => {
    if (weather === 'cut') {
      near.destroy()
      return
    }
    const far = connect(target(), '127.0.0.1')
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        open.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    let back = Promise.resolve()
    far.on('data', (bytes: Buffer) => {
      const late = delayMs > 0 ? wait(delayMs) : undefined
      back = back.then(async () => {
        await late
        if (weather === 'deaf') swallowed += bytes.length
        else near.write(bytes)
      })
    })
  })
  const at = port ?? (await freePort())
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${at}`,
    get weather() {
      return weather
    },
    set weather(next) {
      weather = next
      if (next === 'cut') for (const socket of open) socket.destroy()
    },
    get delayMs() {
      return delayMs
    },
    set delayMs(next) {
      delayMs = next
    },
    swallowed: () => swallowed,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** What a platform says of where it is, when it is behind these roads. */
export const endpointsOf = (...roads: readonly Road[]): Record<string, string> => ({
  FEDERATION_ENDPOINTS: JSON.stringify(roads.map(({ url }, at) => ({ url, scope: 'wan', priority: at }))),
})
