import { constants, connect, type ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { SpiffeId, TlsMaterial } from '@powernode/identity'
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

/** Opens one verified HTTP/2 session, over TLS 1.3, as the holder of `material`. Rejects when it is not there in time. */
export function openSession(
  target: Target,
  { material: { cert, key, ca, crl }, now, signal }: { material: TlsMaterial; now: Date; signal: AbortSignal },
): Promise<ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>()
  const session = connect(originOf(target), {
    cert,
    key,
    ca,
    ...(crl && { crl }),
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    checkServerIdentity: checkServerIs(target.server, now),
    timeout: CONNECT_TIMEOUT_MS,
  })
  const giveUp = (): void => session.destroy(new Error('connecting was given up'))
  const tooLate = (): void =>
    session.destroy(new Error(`no answer from ${originOf(target)} within ${CONNECT_TIMEOUT_MS} ms`))
  signal.addEventListener('abort', giveUp, { once: true })
  session.setTimeout(CONNECT_TIMEOUT_MS, tooLate)
  session.once('error', reject)
  session.once('close', () => reject(new Error(`${originOf(target)} closed the connection`)))
  session.once('connect', () => {
    session.setTimeout(0, tooLate)
    session.on('error', () => {}) // told to the streams of the session, which is where somebody waits
    resolve(session)
  })
  return promise.finally(() => signal.removeEventListener('abort', giveUp))
}

/** The certificate the server showed on this session. */
export function certificateOf(session: ClientHttp2Session) {
  return (session.socket as TLSSocket | undefined)?.getPeerX509Certificate() // every session of ours is over TLS
}

/** Ends a session at once, with all its calls. */
export function hangUp(session: ClientHttp2Session): void {
  session.destroy(undefined, constants.NGHTTP2_CANCEL)
}
