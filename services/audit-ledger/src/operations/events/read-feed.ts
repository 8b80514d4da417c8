import { shownAt } from '../../retention.ts'
import * as events from '../../store/events.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** How far a watcher has read, and where the feed stood when it began. */
export type Cursor = { readonly position: number; readonly history: number }

const PAGE = 200

/** A watcher begins: at the end of the feed, or with `since` at its beginning. */
export async function beginFeed(tx: LedgerTx, _now: Date, { since }: events.Filter): Promise<Cursor> {
  const newest = await events.newest(tx)
  return { position: since === undefined ? newest : 0, history: newest }
}

/**
 * What a watcher has not seen yet, oldest first, and how far it has now read.
 *
 * The cursor moves to the end of what was looked at, not only to the last match: a narrow filter does not look at
 * everything again at each event.
 */
export async function readFeed(
  tx: LedgerTx,
  now: Date,
  { filter, cursor }: { readonly filter: events.Filter; readonly cursor: Cursor },
): Promise<{ events: readonly events.Numbered[]; cursor: Cursor; more: boolean }> {
  const upTo = await events.newest(tx)
  const stretch = { after: cursor.position, upTo, history: cursor.history, shown: shownAt(now), limit: PAGE }
  const page = await events.forwards(tx, filter, stretch)
  const more = page.length === PAGE
  const position = Math.max(cursor.position, more ? (page.at(-1)?.position ?? upTo) : upTo)
  return { events: page, cursor: { ...cursor, position }, more }
}
