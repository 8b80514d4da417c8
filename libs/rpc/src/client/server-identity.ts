import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { checkLeafProfile, spiffeIdOf, spiffeUri, type SpiffeId } from '@powernode/identity'

/**
 * Decides, in place of the check of host names, whether the server is the one we mean: its certificate's only URI SAN
 * MUST be the expected SPIFFE id. Which host it runs on does not matter. OpenSSL has verified the chain before.
 */
export function checkServerIs(
  expected: SpiffeId,
  now: Date,
): (host: string, certificate: PeerCertificate) => Error | undefined {
  const wanted = spiffeUri(expected)
  return (_host, { raw }) => {
    const certificate = new X509Certificate(raw)
    const verdict = checkLeafProfile(certificate, { now, trustDomain: expected.trustDomain, usage: 'server' })
    if (!verdict.ok) return new Error(`the server's certificate is refused: ${verdict.detail}`)
    const found = spiffeIdOf(certificate)
    return found && spiffeUri(found) === wanted
      ? undefined
      : new Error(`the server is ${found ? spiffeUri(found) : 'nobody'}, not ${wanted}`)
  }
}
