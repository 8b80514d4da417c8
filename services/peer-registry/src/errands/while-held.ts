import { inTransaction } from '@powernode/postgres'
import { ERRAND_LEASE_MS, type Errand } from '../errand.ts'
import * as errands from '../store/errands.ts'
import type { ErrandDeps } from './performer.ts'

/** Does the work of an errand, and prolongs its lease for as long as that takes. Ends with nothing of it under way. */
export async function whileHeld(deps: ErrandDeps, errand: Errand, work: () => Promise<void>): Promise<void> {
  const done = new AbortController()
  const holding = hold(deps, errand, done.signal)
  try {
    await work()
  } finally {
    done.abort()
    await holding
  }
}

/** What cannot be prolonged may be done twice, which is harmless. */
async function hold({ db, clock, logger }: ErrandDeps, errand: Errand, done: AbortSignal): Promise<void> {
  for (;;) {
    await clock.sleep(ERRAND_LEASE_MS / 3, done)
    if (done.aborted) return
    const until = new Date(clock.now().getTime() + ERRAND_LEASE_MS)
    try {
      await inTransaction(db, (tx) => errands.hold(tx, errand, until))
    } catch (error) {
      logger.warn({ task: errand.kind, peer_id: errand.peerId, error }, 'an errand under way could not be held')
    }
  }
}
