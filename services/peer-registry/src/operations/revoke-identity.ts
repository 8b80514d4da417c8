import { spiffeUri } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Certificate } from '../certificate.ts'
import { certificateChanged, type By } from '../events.ts'
import type { Us } from '../platform.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import type { Tables } from '../store/tables.ts'
import { certificateToWire } from '../wire-ca.ts'
import { publishBundle, refreshCrls } from './publish-bundle.ts'

/**
 * A service, an operator or a node is no longer who it says: every living certificate of the identity is taken back at once.
 *
 * By its serial a thief who has renewed would keep the newer one. Renewal needs a certificate in good standing, so none
 * follows either.
 */
export async function revokeIdentity(
  tx: Tx<Tables>,
  now: Date,
  said: { us: Us; by: By; kind: 'service' | 'operator' | 'instance'; name: string; reason: string },
): Promise<readonly Certificate[]> {
  const { us, by, kind, name, reason } = said
  const held = await authorities.lock(tx)
  const spiffeId = spiffeUri({ trustDomain: us.trustDomain, kind, name })
  const revoked = await certificates.revokeOfIdentity(tx, { spiffeId, at: now, reason })
  if (revoked.length === 0)
    throw new Refusal('CERTIFICATE_NOT_FOUND', `${kind}/${name} has no certificate that could be revoked`, {
      next: 'fedctl cert list',
    })
  const generations = new Set(revoked.map(({ generation }) => generation))
  for (const authority of held) if (generations.has(authority.generation)) await refreshCrls(tx, now, us, authority)
  await publishBundle(tx, now, us)
  for (const certificate of revoked)
    await certificateChanged(tx, by, { certificate: certificateToWire(certificate), word: 'revoked', at: now })
  return revoked
}
