import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { archiveGrants } from './operations/grants/archive-grants.ts'
import { closeExpired } from './operations/grants/close-expired.ts'
import { remindGrants } from './operations/grants/remind-grants.ts'
import { forgetReceived } from './operations/received/forget-received.ts'
import { noteKnown } from './operations/reviews/note-peer.ts'
import type { GrantTx, Tables } from './store/tables.ts'

export type SweepDeps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger }

type Sweep = {
  readonly everyMs: number
  /** Returns how many it did; as many as `limit` mean that there may be more, which are done at once. */
  readonly run: (tx: GrantTx, now: Date, limit: number) => Promise<number>
}

/** What is done in one transaction. */
const AT_ONCE = 500
const MINUTE_MS = 60_000

/** What we do when time passes. Each asks the store what is due and does it; none remembers anything between rounds. */
export const SWEEPS: Readonly<Record<string, Sweep>> = {
  note_known: { everyMs: MINUTE_MS, run: noteKnown },
  close_expired: { everyMs: MINUTE_MS, run: closeExpired },
  remind_grants: { everyMs: MINUTE_MS, run: remindGrants },
  archive_grants: { everyMs: 10 * MINUTE_MS, run: archiveGrants },
  forget_received: { everyMs: 10 * MINUTE_MS, run: forgetReceived },
}

/** Runs one of them, again and again, until told to stop. */
export async function sweep(deps: SweepDeps, name: string, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  const row = SWEEPS[name]
  if (!row) throw new Error(`there is no sweep ${name}`)
  while (!signal.aborted) {
    let count = 0
    try {
      count = await inTransaction(db, (tx) => row.run(tx, clock.now(), AT_ONCE))
      if (count > 0) logger.info({ sweep: name, count }, 'swept')
    } catch (error) {
      logger.warn({ sweep: name, error }, 'the sweep failed and will be repeated')
    }
    if (count < AT_ONCE) await clock.sleep(row.everyMs, signal)
  }
}
