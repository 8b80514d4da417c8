import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { openTransport, serve, type Holder, type Mount } from '@powernode/rpc'
import { everyOperator } from '@powernode/rpc/testing'

export const TRUST_DOMAIN = 'bench.example'
/** Lines are made as in production, and thrown away. */
export const LOGGER = createLogger('bench', { destination: { write: () => {} } })

/** A directory with the identities of a server and of a caller, of one CA. */
export async function makeIdentities(
  server: string,
  caller: Holder,
): Promise<{ dirs: Record<'server' | 'caller', string>; remove: () => void }> {
  const base = mkdtempSync(join(tmpdir(), 'powernode-bench-tls-'))
  const dirs = { server: join(base, 'server'), caller: join(base, 'caller') }
  const authority = await makeTestAuthority(TRUST_DOMAIN)
  await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name: server }, dirs.server)
  await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, ...caller }, dirs.caller)
  return { dirs, remove: () => rmSync(base, { recursive: true, force: true }) }
}

/** One of our servers on loopback, with everything it has in production; `stop` waits until it is gone. */
export async function startServer(name: string, tlsDir: string, services: readonly Mount[]) {
  const stopping = new AbortController()
  const listening = Promise.withResolvers<number>()
  const listen = { host: '127.0.0.1', port: 0 }
  const own = { name, listen, tlsDir, trustDomain: TRUST_DOMAIN, services, clock: systemClock, logger: LOGGER }
  const rest = { operators: everyOperator, metrics: createMetrics(name) }
  const running = serve({ ...own, ...rest, onListening: listening.resolve }, stopping.signal)
  running.catch(listening.reject)
  const port = await listening.promise
  return {
    port,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** The caller's road to it. */
export function roadTo(server: string, port: number, tlsDir: string, signal: AbortSignal) {
  const address = { host: '127.0.0.1', port }
  return openTransport(
    { address, server, trustDomain: TRUST_DOMAIN, tlsDir, clock: systemClock, logger: LOGGER },
    signal,
  )
}
