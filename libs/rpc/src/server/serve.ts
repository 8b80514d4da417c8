import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Clock } from '@powernode/clock'
import { readTlsFiles, watchTlsFiles, type TlsMaterial } from '@powernode/identity'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import { Refusal } from '../errors/refusal.ts'
import { losesRoot, stillGoodBy } from '../trust.ts'
import { followConnections } from './connections.ts'
import { createDispatch } from './dispatch.ts'
import { createDrops } from './drops.ts'
import { createHealth, type Health } from './health.ts'
import { LIMITS } from './limits.ts'
import { createListener } from './listener.ts'
import type { Mount } from './mount.ts'
import { reflection } from './reflection.ts'

export type ServeOptions = {
  /** The service's name, as its certificate has it. */
  readonly name: string
  readonly listen: { readonly host: string; readonly port: number }
  /** Directory of cert.pem, key.pem, roots.pem and crl.pem; followed while the server runs. */
  readonly tlsDir: string
  readonly trustDomain: string
  readonly services: readonly Mount[]
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Made here when absent; given by those who have something to say about their health. */
  readonly health?: Health
  readonly onListening?: (port: number) => void
}

/**
 * Serves until `signal` aborts, then stops gracefully: takes no more calls, ends streams with SERVICE_UNAVAILABLE,
 * waits up to five seconds for the other calls, and hangs up.
 *
 * TLS 1.3 only, and a certificate of our own CA is demanded in the handshake. Certificate, roots and revocation lists
 * follow the files in `tlsDir` without a restart: new connections use what is new at once, open ones end within a
 * second once their certificate is revoked or runs out, and are made anew when a root is taken away. Material that cannot be used is logged, and
 * the last good one stays.
 */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const { name, listen, tlsDir, trustDomain, services, clock, logger, metrics, health = createHealth() } = options
  let trusted = readTlsFiles(tlsDir, clock.now())
  if (trusted.spiffeId.name !== name || trusted.spiffeId.trustDomain !== trustDomain) {
    throw new Error(
      `${tlsDir} holds the certificate of ${trusted.spiffeId.trustDomain}/${trusted.spiffeId.name}, not of ${trustDomain}/${name}`,
    )
  }

  const stopping = new AbortController()
  const own = [health.mount(services.map(({ service }) => service.typeName))]
  const mounts = [...services, ...own, ...reflection([...services, ...own].map(({ service }) => service))]
  const dispatch = createDispatch({ mounts, logger, metrics, stopping: stopping.signal })

  const server = createSecureServer({ ...SERVER_OPTIONS, ...contextOf(trusted) })
  const drops = createDrops({ logger, metrics })
  const connections = followConnections(server, { trustDomain, clock, drops, metrics })
  server.on('request', createListener({ dispatch, connections, clock, logger }))
  server.on('sessionError', (error) => logger.debug({ error }, 'session failed'))
  let stillGood = stillGoodBy(trusted)

  function use(material: TlsMaterial): void {
    server.setSecureContext(contextOf(material))
    stillGood = stillGoodBy(material)
    connections.sweep(stillGood)
    if (losesRoot(trusted, material)) void connections.drain()
    trusted = material
    logger.info({ serial: material.serial, expires_at: material.notAfter }, 'tls material loaded')
  }

  await listening(server, listen)
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  logger.info({ host: listen.host, port }, 'listening')
  options.onListening?.(port)
  try {
    await runTasks(signal, [
      (stop) =>
        watchTlsFiles(
          {
            dir: tlsDir,
            clock,
            onChange: use,
            onBroken: (error) => logger.error({ error, path: tlsDir }, 'tls material refused'),
          },
          stop,
        ),
      async (stop) => {
        for (; !stop.aborted; await clock.sleep(LIMITS.sweepMs, stop)) connections.sweep(stillGood)
      },
    ])
  } finally {
    health.stop()
    stopping.abort(new Refusal('SERVICE_UNAVAILABLE', `${name} is stopping; try again`, { retryAfterMs: 1_000 }))
    const closed = once(server, 'close')
    server.close()
    connections.dropHandshakes()
    await connections.drain()
    await closed
    drops.report()
  }
}

const SERVER_OPTIONS = {
  allowHTTP1: true,
  requestCert: true,
  rejectUnauthorized: true,
  handshakeTimeout: LIMITS.handshakeMs,
  unknownProtocolTimeout: LIMITS.silenceMs,
  settings: { maxConcurrentStreams: LIMITS.streamsPerConnection, maxHeaderListSize: LIMITS.headerBytes },
} as const

/**
 * What of the TLS context follows the files. No session tickets: a resumed session would keep the identity of a
 * handshake that today's revocation lists have not seen.
 */
function contextOf({ cert, key, ca, crl }: TlsMaterial) {
  return {
    cert,
    key,
    ca,
    ...(crl && { crl }),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const
}

async function listening(server: Http2SecureServer, { host, port }: ServeOptions['listen']): Promise<void> {
  server.listen({ host, port, backlog: BACKLOG })
  await once(server, 'listening') // rejects on 'error', for example when the port is taken
}

const BACKLOG = 1_024
