import type { SealingKey } from '@powernode/identity'
import { adoptSealingKey, type Adopted } from '@powernode/postgres'
import { openedIfWeCan } from '../secrets.ts'
import * as sealed from '../store/sealed.ts'
import type { SdwanTx } from '../store/tables.ts'

/** How many were sealed anew, and how many cannot be opened: those are made anew by an operator (rekey.ts). */
export type Resealed = Adopted & { readonly resealed: number; readonly lost: number }

/**
 * The sealing key was replaced: whatever is still sealed under the previous one is sealed under the new one, all in one transaction.
 * What opens with neither is left as it is: the key that opens it may yet be found. A process whose key is not the newest leaves
 * everything, and cannot tell what is lost.
 */
export async function resealSecrets(tx: SdwanTx, sealing: SealingKey): Promise<Resealed> {
  const adopted = await adoptSealingKey(tx, sealing, async () =>
    (await sealed.all(tx)).every((value) => openedIfWeCan(sealing, value) !== undefined),
  )
  if (adopted.standing !== 'newest') return { ...adopted, resealed: 0, lost: 0 }
  let resealed = 0
  let lost = 0
  for (const value of await sealed.lockAll(tx)) {
    if (!sealing.isOutdated(value.sealed)) continue
    const secret = openedIfWeCan(sealing, value)
    if (secret) await value.replace(sealing.seal(secret, value.context))
    if (secret) resealed += 1
    else lost += 1
  }
  return { ...adopted, resealed, lost }
}
