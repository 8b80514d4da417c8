import { platformKeyFromPkcs8, readSealingKey, type SealingKey } from '@powernode/identity'
import type { Config, SealingKeyConfig } from './config.ts'
import type { Platform, Us } from './platform.ts'
import { SEALED } from './secrets.ts'

export const openSealingKey = ({ file, value, previousFile }: SealingKeyConfig): SealingKey =>
  readSealingKey({ file, value: value?.reveal(), previousFile })

/** Ourselves, from the row and the configuration. The two MUST agree: a platform does not change its trust domain. */
export function usFrom(
  config: Pick<Config, 'trustDomain' | 'self' | 'lifetimes'>,
  platform: Platform,
  sealing: SealingKey,
): Us {
  if (platform.trustDomain !== config.trustDomain)
    throw new Error(
      `this database holds the platform of ${platform.trustDomain}, TRUST_DOMAIN says ${config.trustDomain}: set TRUST_DOMAIN back, or use another database`,
    )
  return {
    platformId: platform.platformId,
    trustDomain: platform.trustDomain,
    key: platformKeyFromPkcs8(sealing.open(platform.identityKeySealed, SEALED.identityKey)),
    sealing,
    self: config.self,
    lifetimes: config.lifetimes,
  }
}
