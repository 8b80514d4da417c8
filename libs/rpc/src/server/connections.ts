import { createHash, type X509Certificate } from 'node:crypto'
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { patient, type Clock } from '@powernode/clock'
import { checkLeafProfile, spiffeIdOf } from '@powernode/identity'
import type { Metrics } from '@powernode/process'
import { holderFrom } from '../calls/caller.ts'
import type { StillGood } from '../trust.ts'
import type { Origin } from './call-record.ts'
import { handshakeProblem, type DropReason, type Drops } from './drops.ts'
import { connectionKey, guardHandshakes, sourceOf } from './handshakes.ts'
import { LIMITS } from './limits.ts'

type Connection = {
  readonly socket: TLSSocket
  readonly certificate: X509Certificate
  readonly origin: Origin
  readonly openedAtMs: number
  session: ServerHttp2Session | undefined
  spoken: boolean
  calls: number
  draining: boolean
  readonly closed: Promise<void>
}

/** The open connections of one server. */
export type Connections = {
  /** Who is at the other end of the socket a request came over. Worked out once a connection. */
  readonly originOf: (socket: Socket) => Origin
  /** Notes that a call has begun; what it returns notes its end. */
  readonly busy: (socket: Socket) => () => void
  /** Ends connections that never spoke, and those whose certificate is no longer good. */
  readonly sweep: (stillGood: StillGood) => void
  /**
   * Lets the connections there are finish the calls they have, and no more; ends the rest after `drainMs`.
   * Callers come back on new ones, unless the server has stopped listening.
   */
  readonly drain: () => Promise<void>
  /** Hangs up on everybody still in their handshake. */
  readonly dropHandshakes: () => void
}

type Options = { readonly trustDomain: string; readonly clock: Clock; readonly drops: Drops; readonly metrics: Metrics }

/** Follows every connection of `server` from its first packet, and keeps each within the limits. */
export function followConnections(
  server: Http2SecureServer,
  { trustDomain, clock, drops, metrics }: Options,
): Connections {
  const open = new Map<string, Connection>()
  const openBySource = new Map<string, number>()
  const handshakes = guardHandshakes(drops)
  const gauge = metrics.gauge('fed_connections', 'Connections with a verified certificate')

  server.on('connection', handshakes.begin)
  server.on('tlsClientError', (error: Error, socket: TLSSocket) =>
    drops.note(handshakeProblem(error, socket.authorizationError), socket.remoteAddress ?? 'gone'),
  )
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const key = connectionKey(socket)
    handshakes.end(key)
    const certificate = socket.getPeerX509Certificate()
    const count = (openBySource.get(sourceOf(key)) ?? 0) + 1
    if (!certificate) return drop(socket, 'certificate_missing', sourceOf(key))
    if (count > LIMITS.connectionsPerSource) return drop(socket, 'too_many_connections', sourceOf(key))
    openBySource.set(sourceOf(key), count)
    const now = clock.now()
    const origin = originFrom(certificate, now, sourceOf(key))
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    socket.once('close', () => {
      forget(key)
      resolve()
    })
    open.set(key, {
      socket,
      certificate,
      origin,
      openedAtMs: now.getTime(),
      session: undefined,
      spoken: false,
      calls: 0,
      draining: false,
      closed,
    })
    gauge.inc()
  })
  server.on('session', (session: ServerHttp2Session) => {
    const connection = open.get(connectionKey(session.socket))
    if (connection) connection.session = session
  })

  /** OpenSSL has verified the chain; what it does not ask is asked here. */
  function originFrom(certificate: X509Certificate, now: Date, address: string): Origin {
    const verdict = checkLeafProfile(certificate, { now, trustDomain, usage: 'client' })
    if (!verdict.ok) return { holder: undefined, address, problem: verdict.detail }
    const certificateSha256 = createHash('sha256').update(certificate.raw).digest('base64url')
    return { holder: holderFrom(spiffeIdOf(certificate), trustDomain), certificateSha256, address }
  }

  function drop(socket: TLSSocket, reason: DropReason, address: string): void {
    drops.note(reason, address)
    process.nextTick(() => socket.destroy()) // not before node:http2, which hears of a new connection after us, has seen it
  }

  function forget(key: string): void {
    open.delete(key)
    gauge.dec()
    const left = (openBySource.get(sourceOf(key)) ?? 1) - 1
    if (left > 0) openBySource.set(sourceOf(key), left)
    else openBySource.delete(sourceOf(key))
  }

  /** HTTP/2 says goodbye by itself once its last stream ends; HTTP/1.1 has to be hung up on. */
  function finish({ session, socket, calls }: Connection): void {
    if (session) session.close()
    else if (calls === 0) socket.destroy()
  }

  return {
    originOf(socket) {
      const key = connectionKey(socket)
      return open.get(key)?.origin ?? { holder: undefined, address: sourceOf(key) }
    },
    busy(socket) {
      const connection = open.get(connectionKey(socket))
      if (!connection) return () => {}
      connection.spoken = true
      connection.calls += 1
      return () => {
        connection.calls -= 1
        if (connection.draining) finish(connection)
      }
    },
    sweep(stillGood) {
      const now = clock.now()
      for (const [key, { socket, certificate, spoken, openedAtMs }] of open) {
        if (!stillGood(certificate, now)) drop(socket, 'certificate_ended', sourceOf(key))
        else if (!spoken && now.getTime() - openedAtMs > patient(LIMITS.silenceMs))
          drop(socket, 'silent', sourceOf(key))
      }
      drops.report()
    },
    dropHandshakes: handshakes.destroy,
    async drain() {
      const leaving = [...open.values()]
      const gone = new AbortController()
      const allGone = Promise.all(leaving.map(({ closed }) => closed))
      void allGone.then(() => gone.abort())
      for (const connection of leaving) {
        connection.draining = true
        finish(connection)
      }
      await clock.sleep(LIMITS.drainMs, gone.signal)
      for (const { socket } of leaving) socket.destroy()
    },
  }
}
