import { rateLimit } from '@powernode/rpc'
import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type SecureContext, type Server as TlsServer, type TLSSocket } from 'node:tls'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import type { DoorLimits } from '../limits.ts'
import { CallersPresent } from './callers-present.ts'
import type { DoorMetrics } from './door-metrics.ts'
import { identityOf } from './identity.ts'
import type { Sessions } from './sessions.ts'
import { sourceOf } from './sources.ts'
import { beginsTls, firstWord, type Heard } from './speaks.ts'
import { Strangers, type Place } from './strangers.ts'
import { TLS_OPTIONS, type TlsContexts } from './tls-contexts.ts'
import { countedAs, endsOf, isStranger, type Visitor } from './visitor.ts'
import { whyDropped, type Dropped } from './why-dropped.ts'

export type DoorParts = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly limits: DoorLimits
  readonly contexts: TlsContexts
  readonly sessions: Sessions
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: DoorMetrics
}

/** A connection on its way through TLS: the place it holds, and what vouched for whom when it began. */
type Arrival = { readonly place: Place; readonly trustVersion: number }

/** More waiting connections than Node's default lets the kernel hold, so that a burst of them does not hide a peer. */
const BACKLOG = 4096

/**
 * The door itself: takes TCP connections, makes TLS of them, finds out who is there, and hands them on.
 *
 *     TCP ▸ room for a stranger? ▸ speaks TLS? ▸ handshakes left for this source? ▸ TLS ▸ who is it? ▸ speaks HTTP/2? ▸ session
 *
 * Each step costs more than the one before it, so each is only taken by who passed that: a connection that never speaks
 * costs a file descriptor until somebody needs its place.
 */
export class Door {
  readonly #parts: DoorParts
  readonly #strangers: Strangers
  readonly #callers: CallersPresent
  readonly #handshakes
  readonly #tcp: TcpServer
  readonly #tls: TlsServer
  /** Connections on their way through TLS, by both their ends. */
  readonly #arriving = new Map<string, Arrival>()
  readonly #open = new Set<Socket>()

  constructor(parts: DoorParts) {
    this.#parts = parts
    const { limits, contexts } = parts
    this.#strangers = new Strangers({ perSource: limits.strangersPerSource, total: limits.strangers })
    this.#callers = new CallersPresent({ perCaller: limits.connectionsPerCaller, total: limits.callers })
    this.#handshakes = rateLimit(limits.handshakesPerSource, 1)
    this.#tcp = createTcpServer((socket) => void this.#receive(socket))
    this.#tls = createTlsServer({
      ...contexts.defaultOptions(),
      ...TLS_OPTIONS,
      ALPNProtocols: ['h2'],
      requestCert: true,
      rejectUnauthorized: false, // an invitation is redeemed without one; who else may come without is decided per call
      handshakeTimeout: limits.handshakeTimeoutMs,
      SNICallback: (serverName, done) => this.#chooseContext(serverName, done),
    })
    this.#tls.on('secureConnection', (socket) => void this.#greet(socket))
    this.#tls.on('tlsClientError', (error, socket) => this.#drop(socket, whyDropped(error), error))
  }

  /** Our own certificate or roots changed: new connections get the new ones, open ones are not disturbed. */
  renew(): void {
    this.#tls.setSecureContext(this.#parts.contexts.defaultOptions())
  }

  /** Serves until `signal` aborts; then takes no more connections, lets calls finish, and closes what is left. */
  async serve(onListening: (port: number) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { listen, sessions, limits } = this.#parts
    this.#tcp.listen({ host: listen.host, port: listen.port, backlog: BACKLOG })
    await once(this.#tcp, 'listening')
    onListening((this.#tcp.address() as AddressInfo).port) // a TCP server's address is never a string
    if (!signal.aborted) await once(signal, 'abort')
    const closed = once(this.#tcp, 'close')
    this.#tcp.close()
    await sessions.finish(limits.graceMs)
    for (const socket of this.#open) socket.destroy()
    await closed
  }

  async #receive(socket: Socket): Promise<void> {
    const { clock, contexts, limits } = this.#parts
    socket.on('error', ignored)
    this.#open.add(socket)
    const source = sourceOf(socket.remoteAddress)
    const place = this.#strangers.enter(source, () => this.#drop(socket, 'crowded_out'))
    const ends = endsOf(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#arriving.delete(ends)
      place.leave()
    })

    const heard = await firstWord(socket, clock, limits.handshakeTimeoutMs)
    if (heard !== 'something') return this.#letGo(socket, heard, 'silent')
    place.spoke()
    if (!beginsTls(socket)) return this.#drop(socket, 'plaintext')
    if (this.#handshakes.take(source)) return this.#drop(socket, 'handshake_rate')
    if (socket.destroyed) return
    this.#arriving.set(ends, { place, trustVersion: contexts.version })
    this.#tls.emit('connection', socket)
  }

  #chooseContext(serverName: string, done: (error: Error | null, context?: SecureContext) => void): void {
    try {
      done(null, this.#parts.contexts.contextFor(serverName))
    } catch (error) {
      this.#parts.logger.error({ trust_domain: serverName, error }, 'a trust bundle cannot be used')
      done(error instanceof Error ? error : new Error('no context'))
    }
  }

  async #greet(socket: TLSSocket): Promise<void> {
    const { clock, contexts, limits, metrics, sessions } = this.#parts
    socket.on('error', ignored)
    const arrival = this.#arriving.get(endsOf(socket))
    if (!arrival || socket.alpnProtocol !== 'h2') return this.#drop(socket, 'not_http2')
    const visitor = this.#visitor(socket)
    metrics.handshake(visitor.identity.kind)
    if (!isStranger(visitor)) {
      const refused = this.#callers.enter(visitor.countedAs, socket)
      if (refused) return this.#drop(socket, refused)
      arrival.place.leave()
    }
    const heard = await firstWord(socket, clock, limits.firstFrameTimeoutMs)
    if (heard !== 'something') return this.#letGo(socket, heard, 'no_first_frame')
    if (contexts.changedSince(arrival.trustVersion, serverNameOf(socket))) {
      return this.#drop(socket, 'trust_changed')
    }
    sessions.open(visitor, socket)
  }

  #visitor(socket: TLSSocket): Visitor {
    const { contexts, clock } = this.#parts
    const shown = {
      leaf: socket.getPeerX509Certificate(),
      verified: socket.authorized,
      error: socket.authorizationError ? String(socket.authorizationError) : undefined,
      trustDomain: contexts.domainFor(serverNameOf(socket)),
      claimed: serverNameOf(socket) ?? '',
      now: clock.now(),
    }
    const remoteAddress = socket.remoteAddress ?? ''
    const known = { remoteAddress, source: sourceOf(remoteAddress), identity: identityOf(shown, contexts.ownDomain) }
    return { ...known, countedAs: countedAs(known, contexts.ownDomain) }
  }

  /** Whoever says goodbye by himself is no news: a probe, or a peer that only wanted to see our certificate. */
  #letGo(socket: Socket, heard: Heard, why: Dropped): void {
    if (heard === 'goodbye') socket.destroy()
    else this.#drop(socket, why)
  }

  #drop(socket: Socket, why: Dropped, error?: Error): void {
    if (socket.destroyed && !error) return
    this.#parts.metrics.dropped(why)
    this.#parts.logger.info({ reason: why, remote_address: socket.remoteAddress, error }, 'connection dropped')
    socket.destroy()
  }
}

/** The server name a client asked for; Node has it on server sockets too, though its types do not say so. */
function serverNameOf(socket: TLSSocket): string | undefined {
  return 'servername' in socket && typeof socket.servername === 'string' ? socket.servername : undefined
}

/** An error on a socket is always followed by its close, which is where we clean up. */
function ignored(): void {}
