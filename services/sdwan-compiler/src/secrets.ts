import { hkdfSync, randomBytes } from 'node:crypto'
import { SealBroken } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'

/** What the preshared keys of a network are derived from. */
export const mintNetworkSecret = (): Buffer => randomBytes(32)

/** 32 random bits of an installation's prefix. */
export const mintInstallBits = (): Buffer => randomBytes(4)

/** Under which a network's secret is sealed at rest. */
export const networkSecretContext = (networkId: string): string => `network_secret/${networkId}`

/** The preshared key of a pair of members: both ends derive the same, and from one pair's nobody learns another's. */
export function pairKey(networkSecret: Uint8Array, pair: string): string {
  return Buffer.from(hkdfSync('sha256', networkSecret, '', `powernode sdwan preshared ${pair}`, 32)).toString('base64')
}

type Opening = { readonly open: (sealed: Uint8Array, context: string) => Buffer }
type Sealed = { readonly sealed: Uint8Array; readonly context: string }

/** What was sealed, or undefined where this process does not hold the key that sealed it. */
export function openedIfWeCan(sealing: Opening, { sealed, context }: Sealed): Buffer | undefined {
  try {
    return sealing.open(sealed, context)
  } catch (error) {
    if (error instanceof SealBroken) return undefined
    throw error
  }
}

/** What was sealed; `whose` says for people what is lost when it cannot be opened any more. */
export function opened(sealing: Opening, its: Sealed, whose: string): Buffer {
  const found = openedIfWeCan(sealing, its)
  if (found) return found
  throw new Refusal('SECRET_LOST', `${whose} cannot be opened: it was sealed under a key that is not here`, {
    next: 'put that key into PREVIOUS_SEALING_KEY_FILE, or make it anew: fedctl net rekey',
  })
}
