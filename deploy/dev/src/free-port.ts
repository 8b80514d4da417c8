import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'

/** Below the range from which systems take the ports of outgoing connections (Linux 32768, others 49152). */
const RANGE = [15_000, 32_000] as const
const BLOCK = 100

/** The ports this process has for itself: it listens on the first, which tells every other process to look elsewhere. */
let block: { readonly guard: Server; readonly ports: number[] } | undefined

/**
 * A TCP port that nobody listens on at `host` right now, and that no other caller of this function is given, in this
 * process or another: two that ask at once would otherwise sooner or later be told the same one.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const port = block?.ports.pop()
    if (port === undefined) block = await reserveBlock()
    else if (await isPortFree(port, host)) return port
  }
  throw new Error(`no free port between ${RANGE[0]} and ${RANGE[1]}`)
}

/** Whether one could listen on `port` at `host` now. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = await listen(port, host)
  if (!server) return false
  await new Promise((closed) => server.close(closed))
  return true
}

/**
 * Listens on a port until the returned function is called, so that it says "taken" to everybody who looks. Undefined when
 * somebody else does. It ends with the process, and keeps nothing running.
 */
export async function holdPort(port: number, host = '127.0.0.1'): Promise<(() => void) | undefined> {
  const server = await listen(port, host)
  server?.unref()
  return server && (() => void server.close())
}

/** The guard ends with the process, however that ends; it keeps nothing running. */
async function reserveBlock(): Promise<NonNullable<typeof block>> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const first = RANGE[0] + BLOCK * randomInt((RANGE[1] - RANGE[0]) / BLOCK)
    const guard = await listen(first, '127.0.0.1')
    if (!guard) continue
    guard.unref()
    return { guard, ports: Array.from({ length: BLOCK - 1 }, (_, at) => first + BLOCK - 1 - at) }
  }
  throw new Error(`no free ports between ${RANGE[0]} and ${RANGE[1]}`)
}

async function listen(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    server.listen(port, host, () => resolve(server))
  })
}
