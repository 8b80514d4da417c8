import type { Clock } from '@powernode/clock'
import { createBatcher, inTransaction, type Batcher, type Db } from '@powernode/postgres'
import type { Decision } from '../decision.ts'
import { recordDecisions } from '../operations/record-decisions.ts'
import type { Tables } from '../store/tables.ts'

/** Where every message of decisions becomes rows: those of all gateways in one commit. */
export type DecisionRecorder = Batcher<readonly Decision[], true>

/** Messages in one commit; each holds what a gateway had to say while the commit before was under way. */
const BATCH = 16

/** A caller's promise resolves after the commit, so an answer that left this process is in the database. */
export function createDecisionRecorder({ db, clock }: { db: Db<Tables>; clock: Clock }): DecisionRecorder {
  const flush = async (messages: readonly (readonly Decision[])[]) => {
    await inTransaction(db, (tx) => recordDecisions(tx, clock.now(), messages.flat()))
    return messages.map(() => true as const)
  }
  return createBatcher(flush, { maxItems: BATCH })
}
