import type { Clock } from '@powernode/clock'
import { createBatcher, inTransaction, type Batcher, type Db } from '@powernode/postgres'
import type { Tally } from '../level/tally.ts'
import { recordBeats, type Recorded, type Said } from '../operations/record-beats.ts'
import type { Tables } from '../store/tables.ts'

/** Where every beat of this process becomes a row: many of them in one commit. */
export type Recorder = Batcher<Said, Recorded>

/** What one commit may hold. Larger batches gain nothing and let the first of them wait. */
const BATCH = 512

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly tally: Pick<Tally, 'note'> }

/** A caller's promise resolves after the commit, so an answer that left this process is in the database. */
export function createRecorder({ db, clock, tally }: Deps): Recorder {
  const record = async (said: readonly Said[]): Promise<readonly Recorded[]> => {
    const recorded = await inTransaction(db, (tx) => recordBeats(tx, clock.now(), said))
    tally.note(said, recorded)
    return recorded
  }
  return createBatcher(record, { maxItems: BATCH })
}
