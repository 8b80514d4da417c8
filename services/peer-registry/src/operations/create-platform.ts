import {
  createAuthority,
  createCrls,
  generatePlatformKey,
  platformIdOf,
  platformKeyToPkcs8,
  type SealingKey,
} from '@powernode/identity'
import type { Tx } from '@powernode/postgres'
import { sealAuthority } from '../authority.ts'
import { makeBundle } from '../bundle.ts'
import { SEALED } from '../secrets.ts'
import { envelopeBytes } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { crlNextUpdate } from './publish-bundle.ts'

/**
 * A platform comes into being: its identity key, the first generation of its CA, its first trust bundle.
 *
 * Done once. A database that holds a platform already is left alone, because its identity is what others know it by.
 */
export async function createPlatform(
  tx: Tx<Tables>,
  now: Date,
  { sealing, trustDomain }: { sealing: SealingKey; trustDomain: string },
): Promise<void> {
  if (await platform.find(tx)) return
  const key = generatePlatformKey()
  const platformId = platformIdOf(key.publicKey)
  const authority = await createAuthority({ trustDomain, generation: 1, now })
  const crls = await createCrls(authority, [], { number: 1, now, nextUpdate: crlNextUpdate(now) })
  const sealed = sealAuthority(sealing, authority, { status: 'current', crls, now })
  await authorities.insert(tx, sealed)
  const bundle = makeBundle({ key, trustDomain }, [sealed], 1, now)
  await platform.insert(tx, {
    platformId,
    identityKey: Buffer.from(key.publicKey),
    identityKeySealed: sealing.seal(platformKeyToPkcs8(key), SEALED.identityKey),
    trustDomain,
    bundleSequence: 1,
    bundle: envelopeBytes(bundle),
    prefixAdvertisement: '',
    platformVersion: '',
    createdAt: now,
  })
}
