import { inTransaction } from '@powernode/postgres'
import * as listening from '../store/listening.ts'
import type { GovernanceDeps } from './governance-deps.ts'

/** Since when we have listened without a gap. When nobody can say that we do: since now, so that nobody counts as silent. */
export async function readListeningSince({ db, clock }: Pick<GovernanceDeps, 'db' | 'clock'>): Promise<Date> {
  const now = clock.now()
  const current = await inTransaction(db, (tx) => listening.current(tx, now))
  return current?.since ?? now
}
