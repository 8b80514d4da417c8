import { spiffeUri } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Certificate } from '../certificate.ts'
import type { By } from '../events.ts'
import type { Us } from '../platform.ts'
import * as certificates from '../store/certificates.ts'
import type { Tables } from '../store/tables.ts'
import { issueCertificate } from './issue-certificate.ts'

/**
 * A service or an operator renews its own certificate: the same name, the same hosts, a new key.
 *
 * Only an identity whose newest certificate is in good standing is renewed: a revoked one comes back through an operator.
 */
export async function renewOwnCertificate(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; caller: { kind: 'service' | 'operator'; name: string }; csrDer: Uint8Array },
): Promise<{ certificate: Certificate; chain: readonly Buffer[] }> {
  const { us, by, caller, csrDer } = said
  const { kind, name } = caller
  const newest = await certificates.newestOf(tx, spiffeUri({ trustDomain: us.trustDomain, kind, name }))
  if (!newest || newest.revokedAt)
    throw new Refusal('CERTIFICATE_NOT_FOUND', `${kind}/${name} has no certificate in good standing to renew`, {
      next: `fedctl cert list, then have an operator issue one anew`,
    })
  const ttlMs = kind === 'service' ? us.lifetimes.serviceMs : us.lifetimes.operatorMs
  return issueCertificate(tx, now, { us, by, kind, name, csrDer, hosts: newest.hosts, ttlMs, peerId: null })
}
