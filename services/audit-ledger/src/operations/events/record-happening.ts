import { entryOf } from '../../happening-entry.ts'
import { renamed, writable, type Happening } from '../../happening.ts'
import { PLATFORM_LOG, type NewEntry } from '../../new-entry.ts'
import * as entries from '../../store/entries.ts'
import * as events from '../../store/events.ts'
import * as logs from '../../store/logs.ts'
import * as mirrorHolds from '../../store/mirror-holds.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { appendBatch } from '../append/append-batch.ts'
import { appendEntries } from '../append/append-entries.ts'

/**
 * Writes down what happened: an entry at the end of its log, and an event in the feed.
 *
 * Place, tree and the receipt of the delivery share one transaction, under the log's lock: an event is written once, in the
 * order it was heard, whichever replica heard it. What this ledger wrote down before it announced it stands already.
 */
export async function recordHappening(tx: LedgerTx, now: Date, heard: Happening): Promise<void> {
  const happening = await underIdOfItsOwn(tx, writable(heard))
  const entry = entryOf(happening)
  const isOwn = happening.source === OURSELVES && (await entries.known(tx, [entry.id])).length > 0
  if (!isOwn) await appendNews(tx, now, entry)
  await events.add(tx, happening)
}

const OURSELVES = 'audit-ledger'

/**
 * Ids are made by those who announce. One who hears the news of another could announce something under the same id, and be
 * here first: that MUST NOT keep the other's out, so of two sources the later gets an id that follows from both.
 */
async function underIdOfItsOwn(tx: LedgerTx, happening: Happening): Promise<Happening> {
  const source = await events.sourceOf(tx, happening.id)
  return source === undefined || source === happening.source ? happening : renamed(happening)
}

/**
 * News of a peer whose log is on hold for longer stands in the platform's log: it can neither wait, since that would hold up
 * the news of all others, nor go unwritten. After the database was started anew it waits, as the log does: that ends soon.
 */
async function appendNews(tx: LedgerTx, now: Date, entry: NewEntry): Promise<void> {
  const { written } = await appendBatch(tx, now, { items: [entry], held: new Map() })
  const [one] = written
  if (!one || !('refused' in one)) return logs.tellGrown(tx)
  if (one.refused === 'LOG_ON_HOLD' && (await mirrorHolds.endsSoon(tx, entry.log, now)))
    throw new Error(`the log of ${entry.log} waits for what its peer has seen: the delivery is to be repeated`)
  const elsewhere = one.refused === 'LOG_ON_HOLD' ? { ...entry, log: PLATFORM_LOG } : entry
  await appendEntries(tx, now, [elsewhere])
}
