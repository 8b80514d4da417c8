import { inTransaction, SEALING_TROUBLE } from '@powernode/postgres'
import { resealPasswords } from '../operations/reseal-passwords.ts'
import type { SpawnDeps } from '../spawn-deps.ts'

/** At the start, what waits for members is sealed under the key of today. A fenced database takes none of it, and is no obstacle to the way back. */
export async function resealOnce({ db, sealing, logger }: SpawnDeps): Promise<void> {
  try {
    const { standing, newest, resealed, lost } = await inTransaction(db, (tx) => resealPasswords(tx, sealing))
    if (standing !== 'newest') logger.error({ reason: newest }, SEALING_TROUBLE[standing])
    if (resealed > 0) logger.info({ count: resealed }, 'passwords of members are sealed under the new key; the previous one can go') // prettier-ignore
    if (lost > 0) logger.warn({ count: lost }, 'passwords of members cannot be opened by any sealing key that is here: rotate them') // prettier-ignore
  } catch (error) {
    logger.warn({ task: 'members', error }, 'what waits for members could not be sealed anew')
  }
}
