import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the range from which systems take the ports of outgoing connections (Linux 32768, others 49152). */
const RANGE = [15_000, 32_000] as const

/**
 * A TCP port that nobody listens on at `host` right now. The caller MUST be ready to lose it to somebody faster; from
 * this range only another caller of this function is likely to be.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const port = randomInt(...RANGE)
    if (await isPortFree(port, host)) return port
  }
  throw new Error(`no free port between ${RANGE[0]} and ${RANGE[1]}`)
}

/** Whether one could listen on `port` at `host` now. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
