import type { NewEntry, Written } from '../../new-entry.ts'
import * as appending from '../../store/appending.ts'
import * as entries from '../../store/entries.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { takeGrowths, type Held } from './growth.ts'
import { planOf } from './plan.ts'

export type Batch = {
  readonly items: readonly NewEntry[]
  /** Logs as this process knows them, by name, from transactions that were committed. They are used where they still hold. */
  readonly held: ReadonlyMap<string, Held>
}

export type Appended = {
  /** In the order of the items. */
  readonly written: readonly Written[]
  /** Logs as they stand once this is committed. */
  readonly grown: ReadonlyMap<string, Held>
}

/**
 * Writes entries at the ends of their logs.
 *
 * No replica leads: whoever appends takes the locks of the logs, looks where they end, and numbers its entries from there, in
 * one transaction. So numbers have no gaps and no repeats whoever dies where, and what is told twice stands once: it is
 * answered with the place it has. What cannot be written is answered so, and keeps nothing else from being written.
 */
export async function appendBatch(tx: LedgerTx, now: Date, { items, held }: Batch): Promise<Appended> {
  const names = [...new Set(items.map(({ log }) => log))]
  const growths = await takeGrowths(tx, now, { names, held })
  const known = new Map((await entries.known(tx, [...new Set(items.map(({ id }) => id))])).map((row) => [row.id, row]))
  const { columns, appended } = planOf(items, growths, known)
  if (columns.size > 0) await appending.add(tx, columns)
  return appended
}
