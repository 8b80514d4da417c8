import type { X509Certificate } from 'node:crypto'
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Code, ConnectError } from '@connectrpc/connect'
import type { SpiffeId, TlsMaterial } from '@powernode/identity'
import { patient } from '@powernode/clock'
import { checkServerIs } from './server-identity.ts'

export type Target = {
  readonly host: string
  readonly port: number
  /** Who must be there. */
  readonly server: SpiffeId
}

const CONNECT_TIMEOUT_MS = 5_000

/** The origin a session is opened for; HTTP/2 wants one, and calls repeat it as their authority. */
export function originOf({ host, port }: Target): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** A verified session, and whom it was verified for. */
export type Connection = { readonly session: ClientHttp2Session; readonly certificate: X509Certificate }

/** Opens one verified HTTP/2 session, over TLS 1.3, as the holder of `material`. Rejects when it is not there in time. */
export function openConnection(
  target: Target,
  { material: { cert, key, ca, crl }, now, signal }: { material: TlsMaterial; now: Date; signal: AbortSignal },
): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>()
  const session = connect(originOf(target), {
    cert,
    key,
    ca,
    ...(crl && { crl }),
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    checkServerIdentity: checkServerIs(target.server, now),
  })
  const withinMs = patient(CONNECT_TIMEOUT_MS)
  const giveUp = (): void => hangUp(session, 'this client is closed')
  const tooLate = (): void => hangUp(session, `no answer within ${withinMs} ms`)
  signal.addEventListener('abort', giveUp, { once: true })
  session.setTimeout(withinMs, tooLate)
  session.once('error', reject)
  session.once('close', () => reject(new Error(`${originOf(target)} closed the connection`)))
  session.once('connect', (_, socket) => {
    session.setTimeout(0, tooLate)
    session.on('error', () => {}) // told to the streams of the session, which is where somebody waits
    const certificate = certificateOnce(socket as TLSSocket) // every session of ours is over TLS
    if (certificate) resolve({ session, certificate })
    else hangUp(session, 'the server showed no certificate')
  })
  return promise.finally(() => signal.removeEventListener('abort', giveUp))
}

/**
 * The server's certificate. MUST be asked for once: on the client's side each call of Node's takes one certificate
 * off the chain, and the second would return the issuer.
 */
function certificateOnce(socket: TLSSocket): X509Certificate | undefined {
  return socket.getPeerX509Certificate()
}

/** Ends a session at once, and tells its calls why: they are unavailable, not canceled. */
export function hangUp(session: ClientHttp2Session, why: string): void {
  session.destroy(new ConnectError(why, Code.Unavailable), constants.NGHTTP2_CANCEL)
}
