import { leafHash } from '@powernode/tlog'
import { leafOf, newSalt } from '../../leaf.ts'
import type { NewEntry, Written } from '../../new-entry.ts'
import * as appending from '../../store/appending.ts'
import * as entries from '../../store/entries.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { Columns } from './columns.ts'
import { takeGrowths, type Growth, type Held } from './growth.ts'
import { saysTheSame, saysTheSameAs } from './says-the-same.ts'

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
  const columns = new Columns()
  const fresh = new Map<string, { readonly item: NewEntry; readonly sequence: number }>()

  // No promise from here to the end of the items: this is where a busy ledger spends its time.
  const places = items.map((item) => {
    const growth = growths.get(item.log)
    if (!growth) throw new Error(`log ${item.log} was not taken`)
    return placeOf(item, growth)
  })
  for (const { id, edge } of growths.values()) columns.addTiles(id, edge.takeFullTiles())
  if (columns.size > 0) await appending.add(tx, columns)

  const written = places.map((place, at) => {
    if (typeof place !== 'number') return place
    return { sequence: place, treeSize: growths.get(items[at]?.log ?? '')?.edge.size ?? place + 1 }
  })
  return { written, grown: new Map([...growths].filter(([, { grew }]) => grew)) }

  function placeOf(item: NewEntry, growth: Growth): number | Exclude<Written, { sequence: number }> {
    const row = known.get(item.id)
    if (row) return row.logId === growth.id && saysTheSame(item, row) ? row.sequence : { refused: 'ENTRY_CONFLICT' }
    const twin = fresh.get(item.id)
    if (twin) return saysTheSameAs(twin.item, item) ? twin.sequence : { refused: 'ENTRY_CONFLICT' }
    if (growth.onHold) return { refused: 'LOG_ON_HOLD' }

    const sequence = growth.edge.size
    const salt = item.payload && newSalt()
    const leaf = leafOf(item, sequence, salt)
    if (!leaf) return { refused: 'ENTRY_TOO_LARGE' }
    const hash = leafHash(leaf)
    growth.append(hash)
    columns.add(item, { logId: growth.id, sequence, leaf, hash, salt })
    fresh.set(item.id, { item, sequence })
    return sequence
  }
}
