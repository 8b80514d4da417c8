import { once } from 'node:events'
import type { Clock } from '@powernode/clock'
import { readTlsFiles, spiffeUri, type TlsMaterial } from '@powernode/identity'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import { Refusal } from '../errors/refusal.ts'
import { followTlsFiles } from '../follow-tls-files.ts'
import { losesRoot, stillGoodBy } from '../trust.ts'
import { followConnections } from './connections.ts'
import { createDispatch } from './dispatch.ts'
import { createDrops } from './drops.ts'
import { createHealth, type Health } from './health.ts'
import { LIMITS } from './limits.ts'
import { createListener } from './listener.ts'
import type { Mount } from './mount.ts'
import type { OperatorLookup } from './operator-lookup.ts'
import { reflection } from './reflection.ts'
import { createTalks } from './talks.ts'
import { contextOf, createTlsServer, listening } from './tls-server.ts'

export type ServeOptions = {
  /** The service's name, as its certificate has it. */
  readonly name: string
  readonly listen: { readonly host: string; readonly port: number }
  /** Directory of cert.pem, key.pem, roots.pem and crl.pem; followed while the server runs. */
  readonly tlsDir: string
  readonly trustDomain: string
  readonly services: readonly Mount[]
  /** Who our operators are; asked at every call that takes a permission. */
  readonly operators: OperatorLookup
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
 * A certificate of our own CA is demanded in the handshake. Certificate, roots and revocation lists follow the files in
 * `tlsDir` without a restart: new connections use what is new at once; open ones end within a second once their
 * certificate is revoked or runs out, and are made anew when a root is taken away. Material that cannot be used is
 * logged, and the last good one stays.
 */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const {
    name,
    listen,
    tlsDir,
    trustDomain,
    services,
    operators,
    clock,
    logger,
    metrics,
    health = createHealth(),
  } = options
  let trusted = ownMaterial(options)
  let stillGood = stillGoodBy(trusted)

  const stopping = new AbortController()
  const own = [...services, health.mount(services.map(({ service }) => service.typeName))]
  const mounts = [...own, ...reflection(own.map(({ service }) => service))]
  const parts = { mounts, operators, clock, logger, metrics, stopping: stopping.signal }
  const [dispatch, takeTalk] = [createDispatch(parts), createTalks(parts)]

  const server = createTlsServer(trusted)
  const drops = createDrops({ logger, metrics })
  const connections = followConnections(server, { trustDomain, clock, drops, metrics })
  server.on('request', createListener({ dispatch, takeTalk, connections, clock, logger }))
  server.on('sessionError', (error) => logger.debug({ error }, 'session failed'))

  function use(material: TlsMaterial): void {
    const judge = stillGoodBy(material)
    server.setSecureContext(contextOf(material))
    stillGood = judge
    connections.sweep(stillGood)
    if (losesRoot(trusted, material)) void connections.drain()
    trusted = material
    logger.info({ serial: material.serial, expires_at: material.notAfter }, 'tls material loaded')
  }

  const port = await listening(server, listen)
  logger.info({ host: listen.host, port }, 'listening')
  options.onListening?.(port)
  try {
    await runTasks(signal, [
      (stop) => followTlsFiles({ dir: tlsDir, clock, logger }, use, stop),
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

/** The material to start with, which MUST be this service's own: a process that shows another's name is a mistake in its configuration. */
function ownMaterial({ tlsDir, name, trustDomain, clock }: ServeOptions): TlsMaterial {
  const material = readTlsFiles(tlsDir, clock.now())
  const expected = spiffeUri({ trustDomain, kind: 'service', name })
  const found = spiffeUri(material.spiffeId)
  if (found !== expected) throw new Error(`${tlsDir} holds the certificate of ${found}, not of ${expected}`)
  return material
}
