import { constants } from 'node:crypto'
import { once } from 'node:events'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { patient } from '@powernode/clock'
import type { TlsMaterial } from '@powernode/identity'
import { LIMITS } from './limits.ts'

/** A server for HTTP/2, and for HTTP/1.1 beside it, that talks to nobody without a certificate of our CA. */
export function createTlsServer(material: TlsMaterial): Http2SecureServer {
  return createSecureServer({
    allowHTTP1: true,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: patient(LIMITS.handshakeMs),
    unknownProtocolTimeout: patient(LIMITS.silenceMs),
    settings: { maxConcurrentStreams: LIMITS.streamsPerConnection, maxHeaderListSize: LIMITS.headerBytes },
    ...contextOf(material),
  })
}

/**
 * What of the TLS context follows the files; `server.setSecureContext` puts it in place for connections to come.
 *
 * TLS 1.3 only. No session tickets: a resumed session would keep the identity of a handshake that today's revocation
 * lists have not seen.
 */
export function contextOf({ cert, key, ca, crl }: TlsMaterial) {
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

/** Resolves with the port once the server listens; rejects when it cannot, for example because the port is taken. */
export async function listening(
  server: Http2SecureServer,
  { host, port }: { host: string; port: number },
): Promise<number> {
  server.listen({ host, port, backlog: LIMITS.backlog })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port // a TCP server that listens has one
}
