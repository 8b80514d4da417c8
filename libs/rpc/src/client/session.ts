import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { Code, ConnectError } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { readTlsFiles, type TlsMaterial } from '@powernode/identity'
import { elapsed, type Logger } from '@powernode/process'
import { followTlsFiles } from '../follow-tls-files.ts'
import { losesRoot, stillGoodBy } from '../trust.ts'
import { backoffMs } from './backoff.ts'
import { keepAlive } from './keep-alive.ts'
import { hangUp, openConnection, originOf, type Connection, type Target } from './connection.ts'

export type SessionOptions = {
  readonly target: Target
  readonly tlsDir: string
  readonly clock: Clock
  readonly logger: Logger
  /** How long a call waits for a server that cannot be reached before it fails. */
  readonly patienceMs: number
}

/** How connect-node asks for streams. */
export type Session = {
  readonly authority: string
  request(method: string, path: string, headers: OutgoingHttpHeaders, options: object): Promise<ClientHttp2Stream>
  notifyResponseByteRead(): void
}

const RETIRE_MS = 5_000

/**
 * One HTTP/2 session to one server, kept for as long as it lasts and opened anew when it is gone.
 *
 * Opened by the first call. Follows the TLS files: new material is used for the next session, and the present one is
 * let go: at once when the server's certificate was revoked, after five seconds when a root was taken away, and once its
 * calls have ended when only our own certificate is new.
 */
export function keepSession(
  { target, tlsDir, clock, logger, patienceMs }: SessionOptions,
  signal: AbortSignal,
): Session {
  let material = readTlsFiles(tlsDir)
  let current: Connection | undefined
  let opening: Promise<Connection> | undefined
  let failures = 0

  function use(next: TlsMaterial): void {
    const before = material
    const stillGood = stillGoodBy(next)
    material = next
    if (!current) return
    const { session, certificate } = current
    if (!stillGood(certificate, clock.now())) hangUp(session, "the server's certificate was taken back")
    else if (losesRoot(before, next)) void retire(session)
    else if (before.cert !== next.cert) session.close()
    else return
    logger.info({ serial: next.serial, address: originOf(target) }, 'new certificate')
    current = undefined
  }

  /** Lets a session end the calls it has, for a while. */
  async function retire(session: ClientHttp2Session): Promise<void> {
    const closed = new AbortController()
    session.once('close', () => closed.abort())
    session.close()
    await clock.sleep(RETIRE_MS, closed.signal)
    hangUp(session, 'the server was verified under a root that is trusted no more')
  }

  async function open(): Promise<Connection> {
    try {
      const connection = await openConnection(target, { material, now: clock.now(), signal })
      const { session } = connection
      if (failures > 0) logger.info({ address: originOf(target), attempt: failures + 1 }, 'reached a service again')
      failures = 0
      session.once('goaway', () => leave(session))
      session.once('close', () => leave(session))
      keepAlive(session)
      return (current = connection)
    } catch (error) {
      if (failures++ === 0) logger.warn({ error, address: originOf(target) }, 'cannot reach a service')
      throw error
    } finally {
      opening = undefined
    }
  }

  function leave(session: ClientHttp2Session): void {
    if (current?.session === session) current = undefined
  }

  /** The session, or the reason there is none once patience has run out. */
  async function ready(): Promise<ClientHttp2Session> {
    const waited = elapsed()
    for (;;) {
      if (signal.aborted) throw new ConnectError('this client is closed', Code.Canceled)
      if (current && !current.session.closed && !current.session.destroyed) return current.session
      try {
        return (await (opening ??= open())).session
      } catch (error) {
        const waitMs = backoffMs(failures - 1, { maxMs: 1_000 })
        if (waited() + waitMs > patienceMs) throw unreachable(target, error)
        await clock.sleep(waitMs, signal)
      }
    }
  }

  signal.addEventListener('abort', () => current && hangUp(current.session, 'this client is closed'), { once: true })
  void followTlsFiles({ dir: tlsDir, clock, logger }, use, signal)
  return {
    authority: originOf(target),
    // oxlint-disable-next-line max-params -- the library's own signature
    async request(method, path, headers, options) {
      for (;;) {
        const session = await ready()
        // Found open, and gone a moment later: asked all the same, it would answer with an error that sounds like a fault.
        if (session.closed || session.destroyed) leave(session)
        else return session.request({ ...headers, ':method': method, ':path': path }, options)
      }
    },
    notifyResponseByteRead() {},
  }
}

function unreachable({ server, ...target }: Target, cause: unknown): ConnectError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ConnectError(
    `${server.name} at ${originOf({ server, ...target })} cannot be reached: ${why}`,
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  )
}
