import type { Clock } from '@powernode/clock'
import {
  CommitOutcomeUnknown,
  createBatcher,
  inTransaction,
  isConnectionLost,
  isUniqueViolation,
  type Db,
} from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import type { NewEntry, Written } from '../new-entry.ts'
import { appendAtOnce } from '../operations/append/append-at-once.ts'
import { appendBatch, type Appended } from '../operations/append/append-batch.ts'
import type { Held } from '../operations/append/growth.ts'
import type { Tables } from '../store/tables.ts'
import { APPENDING, type Obstacles } from './obstacles.ts'

/** The way by which everything that is told to us is written down. */
export type Appender = {
  /** Resolves when all of it is durable, in the order of the entries. Rejects when it may not be: telling it again is safe. */
  readonly append: (entries: readonly NewEntry[]) => Promise<readonly Written[]>
  /** Logs of which the process knows the end. */
  readonly held: ReadonlyMap<string, Held>
}

export type AppenderDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly obstacles: Obstacles
  /** Hears what was committed: there is something to sign. */
  readonly onGrown: (grown: ReadonlyMap<string, Held>) => void
}

/** Entries in one commit. More would make those who come next wait longer than a commit takes. */
const BATCH = 1_024
/** Logs remembered at their end: each takes some 15 kB. The one not written to for longest goes first. */
const MOST_HELD = 10_000
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]
const ATTEMPTS = 3

/** Group commit: what is told while one commit is under way makes the next, whoever told it and to whichever logs. */
export function createAppender({ db, clock, logger, metrics, obstacles, onGrown }: AppenderDeps): Appender {
  const seconds = metrics.histogram(
    'fed_audit_append_duration_seconds',
    'From taking up a batch of entries to its commit',
  )
  const sizes = metrics.histogram('fed_audit_append_batch_size', 'Entries in one commit', [], BATCH_BUCKETS)
  const appended = metrics.counter('fed_audit_entries_appended_total', 'Entries written down, repeats among them')
  const held = new Map<string, Held>()

  /**
   * In one statement while this process is alone with its logs. Where that does not do, or its outcome is unknown, in steps:
   * what was committed without our hearing of it is found by the ids of the entries, so telling it again is safe.
   */
  const write = async (items: readonly NewEntry[]): Promise<Appended> => {
    const batch = { items, held }
    try {
      const appended = await appendAtOnce(db, batch)
      if (appended) return appended
    } catch (error) {
      if (!isUniqueViolation(error) && !isConnectionLost(error)) throw error
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await inTransaction(db, (tx) => appendBatch(tx, clock.now(), batch))
      } catch (error) {
        if (!(error instanceof CommitOutcomeUnknown) || attempt >= ATTEMPTS) throw error
        logger.warn({ attempt, error }, 'a commit was not answered: telling it again')
      }
    }
  }

  const flush = async (messages: readonly (readonly NewEntry[])[]): Promise<readonly (readonly Written[])[]> => {
    const items = messages.flat()
    const stop = seconds.startTimer()
    try {
      const { written, grown } = await write(items)
      for (const [name, end] of grown) {
        held.delete(name)
        held.set(name, end)
      }
      for (const name of held.keys()) {
        if (held.size <= MOST_HELD) break
        held.delete(name)
      }
      onGrown(grown)
      obstacles.set(APPENDING, undefined)
      let at = 0
      return messages.map(({ length }) => written.slice(at, (at += length)))
    } catch (error) {
      obstacles.set(APPENDING, error instanceof Error ? error.message : String(error))
      throw error
    } finally {
      stop()
      sizes.observe(items.length)
      appended.inc(items.length)
    }
  }
  const batcher = createBatcher(flush, { maxItems: BATCH, weightOf: ({ length }) => length })

  return {
    held,
    async append(entries) {
      const why = obstacles.ofOthers()
      if (why !== undefined) throw new Refusal('RECORD_UNAVAILABLE', `nothing can be written down: ${why}`)
      return batcher.add(entries)
    },
  }
}
