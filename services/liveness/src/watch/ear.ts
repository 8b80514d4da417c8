import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import * as listening from '../store/listening.ts'
import type { Tables } from '../store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger }

/** Whether a gateway has its stream of beats open with this replica. Without one nobody can be heard here. */
export class Ear {
  #streams = 0
  #opened: (() => void) | undefined

  /** Counts a stream as open until what it yields ends. */
  async *during<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
    this.#streams += 1
    this.#opened?.()
    try {
      yield* stream
    } finally {
      this.#streams -= 1
    }
  }

  /** Says in the database, for whichever replica leads, that a gateway is there: at once when it comes, then once a tick. */
  async keep({ db, clock, logger }: Deps, everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new AbortController()
      this.#opened = () => woken.abort()
      try {
        if (this.#streams > 0) await inTransaction(db, (tx) => listening.keepEar(tx, clock.now()))
      } catch (error) {
        logger.warn({ task: 'ear', error }, 'that a gateway is there could not be written down')
      }
      await clock.sleep(everyMs, this.#streams > 0 ? signal : AbortSignal.any([signal, woken.signal]))
    }
  }
}
