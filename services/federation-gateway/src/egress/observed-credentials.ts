import { TLSSocket, type SecureContext } from 'node:tls'
import { ChannelCredentials } from '@grpc/grpc-js'
import type { ServerCheck } from './server-check.ts'

/** Hears what became of each TLS connection a channel made. */
export type Observer = {
  readonly connected: (socket: TLSSocket | undefined) => void
  readonly failed: (error: unknown) => void
}

/**
 * Credentials of a channel that also tell us how connecting went.
 *
 * The channel itself reports every failure as "unavailable" with a text. Whether a peer is away or somebody else stands
 * in its place is the difference between waiting and calling an operator, so the error is caught where it arises.
 */
export function observedCredentials(
  context: SecureContext,
  check: ServerCheck,
  observer: Observer,
): ChannelCredentials {
  const credentials = ChannelCredentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, certificate) => check(certificate),
  })
  const create = credentials._createSecureConnector.bind(credentials)
  credentials._createSecureConnector = (target, options, callCredentials) => {
    const connector = create(target, options, callCredentials)
    return {
      async connect(socket) {
        try {
          const result = await connector.connect(socket)
          observer.connected(result.socket instanceof TLSSocket ? result.socket : undefined)
          return result
        } catch (error) {
          observer.failed(error)
          throw error
        }
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }
  return credentials
}
