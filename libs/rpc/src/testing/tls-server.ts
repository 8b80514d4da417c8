import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock } from '@powernode/clock'
import type { Authority, SpiffeId } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger, createMetrics, type Metrics } from '@powernode/process'
import type { TransportOptions } from '../client/transport.ts'
import type { Mount } from '../server/mount.ts'
import { serve } from '../server/serve.ts'
import { everyOperator } from './operators.ts'

export const TRUST_DOMAIN = 'a.example'

/** A real server on a real socket, with a CA of its own. */
export type TlsServer = {
  readonly port: number
  readonly authority: Authority
  readonly serverDir: string
  readonly metrics: Metrics
  readonly logged: () => Record<string, unknown>[]
  /** Makes an identity, and returns the directory it lies in. */
  readonly identity: (id: Pick<SpiffeId, 'kind' | 'name'>) => Promise<string>
  /** What a client of this server needs, as the holder of that directory. */
  readonly optionsFor: (tlsDir: string) => TransportOptions
  readonly stop: () => Promise<void>
  /** Ends the server alone; clients and files stay. */
  readonly stopServing: () => Promise<void>
  /** Aborts when the test is over: closes what a test opens. */
  readonly signal: AbortSignal
}

/** Starts a server for one test; `stop` ends it and removes its files. */
export function startTlsServer(...services: readonly Mount[]): Promise<TlsServer> {
  return startTlsServerAt(systemClock, ...services)
}

/** The same, with the server's time in the hands of the test. */
export async function startTlsServerAt(clock: Clock, ...services: readonly Mount[]): Promise<TlsServer> {
  const root = mkdtempSync(join(tmpdir(), 'powernode-rpc-'))
  const authority = await makeTestAuthority(TRUST_DOMAIN)
  const serverDir = mkdtempSync(join(root, 'server-'))
  await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name: 'peer-registry' }, serverDir)

  const lines: string[] = []
  const logger = createLogger('test', { level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const metrics = createMetrics('test')
  const stopping = new AbortController()
  const closing = new AbortController()
  const listening = Promise.withResolvers<number>()
  const ended = serve(
    {
      name: 'peer-registry',
      listen: { host: '127.0.0.1', port: 0 },
      tlsDir: serverDir,
      trustDomain: TRUST_DOMAIN,
      services,
      operators: everyOperator,
      clock,
      logger,
      metrics,
      onListening: listening.resolve,
    },
    stopping.signal,
  )
  ended.catch(listening.reject)
  const port = await listening.promise
  return {
    port,
    authority,
    serverDir,
    metrics,
    signal: closing.signal,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    async identity(id) {
      const dir = mkdtempSync(join(root, `${id.name}-`))
      await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, ...id }, dir)
      return dir
    },
    optionsFor: (tlsDir) => ({
      address: { host: '127.0.0.1', port },
      server: 'peer-registry',
      trustDomain: TRUST_DOMAIN,
      tlsDir,
      clock: systemClock,
      logger,
    }),
    async stopServing() {
      stopping.abort()
      await ended
    },
    async stop() {
      closing.abort()
      stopping.abort()
      await ended
      rmSync(root, { recursive: true, force: true })
    },
  }
}
