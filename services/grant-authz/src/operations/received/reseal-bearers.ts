import { SealBroken, type SealingKey } from '@powernode/identity'
import { adoptSealingKey, type Adopted } from '@powernode/postgres'
import * as bearers from '../../store/sealed-bearers.ts'
import type { GrantTx } from '../../store/tables.ts'

/** How many were sealed anew, and how many cannot be opened. */
export type Resealed = Adopted & { readonly resealed: number; readonly lost: number }

/**
 * The sealing key was replaced: whatever is still sealed under the previous one is sealed under the new one, all in one transaction.
 * What opens with neither is left as it is: the key that opens it may yet be found. A process whose key is not the newest leaves
 * everything.
 */
export async function resealBearers(tx: GrantTx, sealing: SealingKey): Promise<Resealed> {
  const adopted = await adoptSealingKey(tx, sealing, async () =>
    (await bearers.lockAll(tx)).every(({ sealed, context }) => openedIfWeCan(sealing, sealed, context) !== undefined),
  )
  if (adopted.standing !== 'newest') return { ...adopted, resealed: 0, lost: 0 }
  let resealed = 0
  let lost = 0
  for (const { context, sealed, replace } of await bearers.lockAll(tx)) {
    if (!sealing.isOutdated(sealed)) continue
    const bearer = openedIfWeCan(sealing, sealed, context)
    if (bearer) await replace(sealing.seal(bearer, context))
    if (bearer) resealed += 1
    else lost += 1
  }
  return { ...adopted, resealed, lost }
}

function openedIfWeCan(sealing: SealingKey, sealed: Buffer, context: string): Buffer | undefined {
  try {
    return sealing.open(sealed, context)
  } catch (error) {
    if (error instanceof SealBroken) return undefined
    throw error
  }
}
