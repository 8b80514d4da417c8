import { once } from 'node:events'
import { connect, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import type { X509Certificate } from 'node:crypto'

/** What the server made of the client, over a real TLS 1.3 connection on this machine. */
export type Met = {
  /** OpenSSL's word on chain, times and revocation. */
  readonly authorized: boolean
  readonly error: string
  readonly certificate: X509Certificate | undefined
}

/** One handshake: the server asks for a certificate, refuses nobody and reports. */
export async function shakeHands(server: SecureContextOptions, client: SecureContextOptions): Promise<Met> {
  const listener = createServer({
    ...server,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const met = once(listener, 'secureConnection')
  const socket = connect({
    ...client,
    port: address.port,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
  })
  try {
    const [peer] = (await met) as [TLSSocket]
    const error: unknown = peer.authorizationError // a code such as CERT_HAS_EXPIRED, whatever its type says
    return {
      authorized: peer.authorized,
      error: typeof error === 'string' ? error : '',
      certificate: peer.getPeerX509Certificate(),
    }
  } finally {
    socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  }
}
