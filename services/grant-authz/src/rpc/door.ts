import type { Clock } from '@powernode/clock'
import { inTransaction, rehearse, type Db } from '@powernode/postgres'
import type { GrantTx, Tables } from '../store/tables.ts'

/** What every door here stands on. */
export type DoorDeps = { readonly db: Db<Tables>; readonly clock: Clock }

type Verb<Result> = (tx: GrantTx, now: Date) => Promise<Result>

/** Runs what only reads, on one snapshot: everything is shown as it stood at one moment. */
export const look = <Result>({ db, clock }: DoorDeps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()), { isolation: 'repeatable read' })

export const act = <Result>({ db, clock }: DoorDeps, verb: Verb<Result>): Promise<Result> =>
  inTransaction(db, (tx) => verb(tx, clock.now()))

/** As act; with `dryRun`, everything is done and nothing is kept: the answer is what would have happened. */
export const actOrRehearse = <Result>(deps: DoorDeps, dryRun: boolean, verb: Verb<Result>): Promise<Result> =>
  dryRun ? rehearse(deps.db, (tx) => verb(tx, deps.clock.now())) : act(deps, verb)
