import type { Clock } from '@powernode/clock'
import { createBatcher, inTransaction, type Batcher, type Db } from '@powernode/postgres'
import { recordBeats, type Recorded, type Said } from '../operations/record-beats.ts'
import type { Tables } from '../store/tables.ts'

/** Where every beat of this process becomes a row: many of them in one commit. */
export type Recorder = Batcher<Said, Recorded>

/** What one commit may hold. Larger batches gain nothing and let the first of them wait. */
const BATCH = 512

/** A caller's promise resolves after the commit, so an answer that left this process is in the database. */
export function createRecorder({ db, clock }: { db: Db<Tables>; clock: Clock }): Recorder {
  return createBatcher((said) => inTransaction(db, (tx) => recordBeats(tx, clock.now(), said)), { maxItems: BATCH })
}
