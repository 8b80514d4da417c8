import type { SealingKey } from '@powernode/identity'
import { adoptSealingKey, requireNewestSealingKey, type Tx } from '@powernode/postgres'
import * as sealed from '../store/sealed.ts'
import type { Tables } from '../store/tables.ts'

/**
 * The sealing key was replaced: whatever is still sealed under the previous one is sealed under the new one, all in one
 * transaction. Whoever does not hold the newest key could open nothing, and does not begin. Only then can the previous key be thrown away; until it is, whoever copied it can open a copy of the database.
 */
export async function resealSecrets(tx: Tx<Tables>, sealing: SealingKey): Promise<number> {
  await adoptSealingKey(tx, sealing, async () => true) // what cannot be opened throws below, and takes this back
  await requireNewestSealingKey(tx, sealing)
  const outdated = (await sealed.lockAll(tx)).filter((value) => sealing.isOutdated(value.sealed))
  for (const { context, sealed: old, replace } of outdated)
    await replace(sealing.seal(sealing.open(old, context), context))
  return outdated.length
}
