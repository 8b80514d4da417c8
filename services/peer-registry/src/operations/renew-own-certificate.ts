import { spiffeUri } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Certificate } from '../certificate.ts'
import type { By } from '../events.ts'
import type { Us } from '../platform.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import type { Tables } from '../store/tables.ts'
import { checkMeasure } from './check-measure.ts'
import { issueCertificate } from './issue-certificate.ts'

/**
 * A service, an operator or a node renews its own certificate: the same name (and in Postgres), the same hosts, a new key.
 *
 * Only an identity whose newest certificate is in good standing is renewed: a revoked one comes back through an operator. Nobody
 * revokes between the look and the signature, or that certificate would be left out.
 */
export async function renewOwnCertificate(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; caller: { kind: 'service' | 'operator' | 'instance'; name: string }; csrDer: Uint8Array },
): Promise<{ certificate: Certificate; chain: readonly Buffer[] }> {
  const { us, by, caller, csrDer } = said
  const { kind, name } = caller
  await authorities.lockOut(tx)
  const newest = await certificates.newestOf(tx, spiffeUri({ trustDomain: us.trustDomain, kind, name }))
  if (!newest || newest.revokedAt)
    throw new Refusal('CERTIFICATE_NOT_FOUND', `${kind}/${name} has no certificate in good standing to renew`, {
      next: `fedctl cert list, then have an operator issue one anew`,
    })
  // Of a machine that we made: its peering's end takes back this one as well.
  const { hosts, peerId, commonName } = newest
  if (kind === 'instance') checkMeasure(await certificates.livingOf(tx, newest.spiffeId, now), now, 'this node')
  const ttlMs = kind === 'operator' ? us.lifetimes.operatorMs : us.lifetimes.serviceMs
  return issueCertificate(tx, now, {
    us,
    by,
    kind,
    name,
    csrDer,
    hosts,
    ttlMs,
    peerId,
    commonName: commonName ?? undefined,
  })
}
