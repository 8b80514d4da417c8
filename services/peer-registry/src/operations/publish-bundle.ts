import { createCrls } from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { openAuthority, trusted } from '../authority.ts'
import { makeBundle } from '../bundle.ts'
import type { SealedAuthority } from '../certificate.ts'
import type { Us } from '../platform.ts'
import { envelopeBytes } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import * as platform from '../store/platform.ts'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'

/**
 * Signs a new trust bundle of what is to be trusted now, under the next sequence number.
 *
 * Our own services hear of it through WatchTrust; peers get it delivered by the errands that the sweep then finds due.
 * MUST be called in the transaction that changed what is trusted.
 */
export async function publishBundle(tx: Tx<Tables>, now: Date, us: Us, past = 0): Promise<number> {
  const { bundleSequence } = await platform.lock(tx)
  const rotation = await rotations.latest(tx)
  const roots = trusted(await authorities.list(tx), rotation?.step === 'published')
  const sequence = Math.max(bundleSequence, past) + 1
  await platform.saveBundle(tx, envelopeBytes(makeBundle(us, roots, sequence, now)), sequence)
  return sequence
}

/** Signs new revocation lists for one generation. MUST be followed by publishBundle in the same transaction. */
export async function refreshCrls(tx: Tx<Tables>, now: Date, us: Us, sealed: SealedAuthority): Promise<void> {
  const authority = openAuthority(us.sealing, sealed)
  const revoked = await certificates.revoked(tx, sealed.generation, now)
  const number = sealed.crlNumber + 1
  const crls = await createCrls(authority, revoked, { number, now, nextUpdate: crlNextUpdate(now) })
  await authorities.saveCrls(tx, {
    ...sealed,
    crlNumber: number,
    crls: crls.map((der) => der.toString('base64')),
    crlsUpdatedAt: now,
  })
}

const CRL_LIFE_MS = 365 * 86_400_000

/**
 * Lists are pushed the moment something is revoked, so their end is not what spreads the news. It only decides how
 * long a platform whose registry is gone can go on: OpenSSL refuses everybody once a list has run out.
 */
export const crlNextUpdate = (now: Date): Date => new Date(now.getTime() + CRL_LIFE_MS)
export const CRL_REFRESH_AFTER_MS = CRL_LIFE_MS / 12
