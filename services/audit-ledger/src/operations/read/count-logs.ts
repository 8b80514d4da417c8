import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Beyond this many, an exact number says nothing more. */
const MOST = 1_000

export async function countLogs(
  tx: LedgerTx,
  _now: Date,
): Promise<{ readonly all: number; readonly unsigned: number; readonly held: number }> {
  const unsigned = await logs.unsigned(tx, MOST)
  return { all: await logs.count(tx), unsigned: unsigned.length, held: await holds.count(tx) }
}
