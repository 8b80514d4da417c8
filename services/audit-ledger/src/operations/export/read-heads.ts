import { rootAt } from '@powernode/tlog'
import type { Head } from '../../log-files.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

/** A page of all logs that are signed, by id. */
export const readHeads = (
  tx: LedgerTx,
  _now: Date,
  said: { readonly after: number; readonly limit: number },
): Promise<readonly Head[]> => sealed.heads(tx, said)

/** Where these logs are signed up to. */
export const readHeadsOf = (
  tx: LedgerTx,
  _now: Date,
  { logIds }: { readonly logIds: readonly number[] },
): Promise<readonly Head[]> => sealed.headsOf(tx, logIds)

/** The root that a log had at a size it has reached. */
export const readRoot = (
  tx: LedgerTx,
  _now: Date,
  { logId, size }: Pick<Head, 'logId' | 'size'>,
): Promise<Uint8Array> => rootAt(tileReader(tx, logId), size)
