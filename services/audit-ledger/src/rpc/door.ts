import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { LedgerTx, Tables } from '../store/tables.ts'

export type DoorDeps = { readonly db: Db<Tables>; readonly clock: Clock }

/** Runs a verb in a transaction of its own, at this moment. */
export type Act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => Promise<T>

export function actIn({ db, clock }: DoorDeps): Act {
  return (verb) => inTransaction(db, (tx) => verb(tx, clock.now()))
}
