import { inTransaction } from '@powernode/postgres'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { WatchDeps } from './watch-deps.ts'

const KEEP_MS = 90 * 86_400_000
const EVERY_MS = 3_600_000
const BATCH = 5_000

/** Takes what is long over out of the diary: the ledger keeps for ever what was announced of it. */
export class Forgetting {
  readonly #deps: Pick<WatchDeps, 'db' | 'clock'>
  #dueMs = 0

  constructor(deps: Pick<WatchDeps, 'db' | 'clock'>) {
    this.#deps = deps
  }

  async run(signal: AbortSignal): Promise<void> {
    const { db, clock } = this.#deps
    if (clock.elapsed() < this.#dueMs) return
    this.#dueMs = clock.elapsed() + EVERY_MS
    const before = new Date(clock.now().getTime() - KEEP_MS)
    for (const forget of [signals.forget, remediations.forget]) {
      while (!signal.aborted && (await inTransaction(db, (tx) => forget(tx, before, BATCH))) === BATCH);
    }
  }
}
