import { X509Certificate } from 'node:crypto'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { spiffeIdOf, spiffeUri } from '@powernode/identity'

/** Says why the server is not the one we mean; undefined when it is. Runs after OpenSSL has verified the chain. */
export type ServerCheck = (certificate: PeerCertificate) => Error | undefined

/** The server is not who it should be. */
export class ServerNotTrusted extends Error {
  override readonly name = 'ServerNotTrusted'
}

/** The server's only URI SAN MUST be exactly this SPIFFE id. */
export function mustBe(spiffeId: string): ServerCheck {
  return ({ raw }) => {
    const found = spiffeIdOf(new X509Certificate(raw))
    if (found && spiffeUri(found) === spiffeId) return undefined
    return new ServerNotTrusted(`the server is ${found ? spiffeUri(found) : 'nobody we know'}, not ${spiffeId}`)
  }
}

/** Before we know a peer's id: the root was pinned, so the server MUST be some platform's gateway, of this domain if we know it. */
export function mustBeGateway(trustDomain: string): ServerCheck {
  return ({ raw }) => {
    const found = spiffeIdOf(new X509Certificate(raw))
    const isGateway = found?.kind === 'service' && found.name === 'federation-gateway'
    if (isGateway && (trustDomain === '' || found.trustDomain === trustDomain)) return undefined
    return new ServerNotTrusted(
      `the server is ${found ? spiffeUri(found) : 'nobody we know'}, not the gateway of ${trustDomain || 'a platform'}`,
    )
  }
}

/** Without pin and roots only the public authorities can vouch, and they know host names. */
export function mustHoldName(host: string): ServerCheck {
  return (certificate) => checkServerIdentity(host, certificate)
}

const VERDICT_OF_OPENSSL =
  /^(UNABLE_TO_|CERT_|CRL_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|PATH_LENGTH_|HOSTNAME_|UNSPECIFIED|ERR_TLS_CERT_)/

/** Whether connecting failed because of the server's certificate, and not for want of a connection. */
export function isDistrust(error: unknown): error is Error {
  if (error instanceof ServerNotTrusted) return true
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && VERDICT_OF_OPENSSL.test(error.code)
  )
}
