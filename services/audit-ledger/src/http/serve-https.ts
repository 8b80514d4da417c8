import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '@powernode/clock'
import { readTlsFiles, type TlsMaterial } from '@powernode/identity'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import { contextOf, followTlsFiles, stillGoodBy, type OperatorLookup } from '@powernode/rpc'
import { answerRequests } from './answer-requests.ts'
import type { HttpRoute } from './route.ts'

export type HttpsOptions = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tlsDir: string
  readonly trustDomain: string
  readonly routes: readonly HttpRoute[]
  readonly operators: OperatorLookup
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly onListening?: (port: number) => void
}

/** What one server puts up with. Honest readers ask for a file, get it, and ask for the next. */
const LIMITS = {
  handshakeMs: 5_000,
  headersMs: 5_000,
  requestMs: 15_000,
  idleMs: 10_000,
  headerBytes: 8_192,
  connections: 512,
  drainMs: 2_000,
  sweepMs: 1_000,
} as const

/**
 * Answers over HTTPS until `signal` aborts.
 *
 * A certificate is asked for and not demanded: witnesses of other platforms have none of ours. Each route says whom it
 * answers. Certificate, roots and revocation lists follow their files; a connection whose certificate has ended is hung up
 * on within a second.
 */
export async function serveHttps(options: HttpsOptions, signal: AbortSignal): Promise<void> {
  const { listen, tlsDir, clock, logger, metrics, routes } = options
  const material = readTlsFiles(tlsDir, clock.now())
  let stillGood = stillGoodBy(material)
  const server = createServer({
    ...contextOf(material),
    requestCert: true,
    rejectUnauthorized: false, // judged for each request, by its route
    handshakeTimeout: LIMITS.handshakeMs,
    headersTimeout: LIMITS.headersMs,
    requestTimeout: LIMITS.requestMs,
    keepAliveTimeout: LIMITS.idleMs,
    maxHeaderSize: LIMITS.headerBytes,
  })
  server.maxConnections = LIMITS.connections
  const open = followSockets(server)
  const stopping = new AbortController()
  const stillMay = (socket: TLSSocket) => mayGoOn(socket, stillGood, clock.now())
  server.on('request', answerRequests({ ...options, stillMay, stopping: stopping.signal, metrics }, routes))
  server.on('tlsClientError', (error) => logger.debug({ error, task: 'https' }, 'handshake failed'))

  server.listen(listen)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  logger.info({ task: 'https', host: listen.host, port }, 'listening')
  options.onListening?.(port)
  const use = (next: TlsMaterial) => {
    const judge = stillGoodBy(next)
    server.setSecureContext(contextOf(next))
    stillGood = judge
  }
  const sweep = async (stop: AbortSignal) => {
    for (; !stop.aborted; await clock.sleep(LIMITS.sweepMs, stop))
      for (const socket of open) if (!stillMay(socket)) socket.destroy()
  }
  try {
    await runTasks(signal, [(stop) => followTlsFiles({ dir: tlsDir, clock, logger }, use, stop), sweep])
  } finally {
    stopping.abort()
    const closed = once(server, 'close')
    server.close()
    server.closeIdleConnections()
    const done = new AbortController()
    void closed.then(() => done.abort())
    await clock.sleep(LIMITS.drainMs, done.signal)
    server.closeAllConnections()
    await closed
  }
}

function followSockets(server: Server): ReadonlySet<TLSSocket> {
  const open = new Set<TLSSocket>()
  server.on('secureConnection', (socket: TLSSocket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}

/** Whether a connection may go on: one that showed no certificate may, one whose certificate has ended may not. */
function mayGoOn(
  socket: TLSSocket,
  stillGood: (...of: Parameters<ReturnType<typeof stillGoodBy>>) => boolean,
  now: Date,
) {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined || stillGood(certificate, now)
}
