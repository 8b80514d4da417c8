import { leafHash } from '@powernode/tlog'
import { leafOf, newSalt } from '../../leaf.ts'
import type { NewEntry, Written } from '../../new-entry.ts'
import type { Row } from '../../store/entries.ts'
import type { Appended } from './append-batch.ts'
import { Columns } from './columns.ts'
import type { Growth } from './growth.ts'
import { saysTheSame, saysTheSameAs } from './says-the-same.ts'

type Plan = { readonly columns: Columns; readonly appended: Appended }

/**
 * Numbers entries from where their logs end, and hashes them into the trees: what is to be written, and what is answered then.
 * Nothing waits in here: this is where a busy ledger spends its time.
 */
export function planOf(
  items: readonly NewEntry[],
  growths: ReadonlyMap<string, Growth>,
  known: ReadonlyMap<string, Row>,
): Plan {
  const columns = new Columns()
  const fresh = new Map<string, { readonly item: NewEntry; readonly sequence: number }>()
  const places = items.map((item) => {
    const growth = growths.get(item.log)
    if (!growth) throw new Error(`log ${item.log} was not taken`)
    return placeOf(item, growth)
  })
  for (const { id, edge } of growths.values()) columns.addTiles(id, edge.takeFullTiles())
  const written = places.map((place, at) => {
    if (typeof place !== 'number') return place
    return { sequence: place, treeSize: Math.max(place + 1, growths.get(items[at]?.log ?? '')?.edge.size ?? 0) }
  })
  return { columns, appended: { written, grown: new Map([...growths].filter(([, { grew }]) => grew)) } }

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
