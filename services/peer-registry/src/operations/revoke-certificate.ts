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

/** A certificate is taken back: new revocation lists go to our services at once, and with a new bundle to every peer. */
export async function revokeCertificate(
  tx: Tx<Tables>,
  now: Date,
  { us, by, serial, reason }: { us: Us; by: By; serial: string; reason: string },
): Promise<Certificate> {
  const authoritiesHeld = await authorities.lock(tx)
  const certificate = await certificates.lock(tx, serial)
  if (!certificate)
    throw new Refusal('CERTIFICATE_NOT_FOUND', `we issued no certificate ${serial}`, { next: 'fedctl cert list' })
  if (certificate.revokedAt) return certificate
  const revoked: Certificate = { ...certificate, revokedAt: now, revocationReason: reason }
  await certificates.revoke(tx, serial, now, reason)
  for (const authority of authoritiesHeld)
    if (authority.generation === certificate.generation) await refreshCrls(tx, now, us, authority)
  await publishBundle(tx, now, us)
  await certificateChanged(tx, by, { certificate: certificateToWire(revoked), word: 'revoked', at: now })
  return revoked
}
