import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { PackedFigures } from '../figures/figures.ts'
import { HOUR_MS } from '../figures/window.ts'
import { keepFigures } from '../operations/keep-figures.ts'
import type { Tables } from '../store/tables.ts'
import type { Tally } from './tally.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly tally: Tally
  readonly logger: Logger
}

/** What a process that is killed loses. */
const KEEP_EVERY_MS = 300_000
/** So many rows in one transaction: a beat never waits for it, but the disk does. */
const BATCH = 1_000
/** What cannot be written for longer than this is let go. */
const MOST_WAITING = 24

type Counted = { readonly at: Date; readonly counted: Map<string, PackedFigures> }

/** Every few minutes, when an hour ends, and when it is told to stop, a replica writes down what it has counted. */
export async function keepTally({ db, clock, tally, logger }: Deps, signal: AbortSignal): Promise<void> {
  const waiting: Counted[] = []
  for (let at = clock.now(); ; at = clock.now()) {
    await clock.sleep(Math.min(KEEP_EVERY_MS, HOUR_MS - (at.getTime() % HOUR_MS)), signal)
    waiting.push({ at, counted: tally.take() })
    waiting.splice(0, Math.max(0, waiting.length - MOST_WAITING))
    try {
      for (let [oldest] = waiting; oldest; [oldest] = waiting) {
        await keepAll({ db, clock }, oldest)
        waiting.shift()
      }
    } catch (error) {
      logger.warn({ task: 'service_levels', error }, 'figures could not be written down; it is tried again')
    }
    if (signal.aborted) return
  }
}

/** In batches, and what is written is let go with each: a fault in the middle counts nothing twice. */
async function keepAll({ db, clock }: Pick<Deps, 'db' | 'clock'>, { at, counted }: Counted): Promise<void> {
  while (counted.size > 0) {
    const batch = new Map([...counted].slice(0, BATCH))
    await inTransaction(db, (tx) => keepFigures(tx, clock.now(), { at, counted: batch }))
    for (const peerId of batch.keys()) counted.delete(peerId)
  }
}
