import { Refusal } from '@powernode/rpc'
import type { NewEntry, NotWritten, Place, Written } from '../../new-entry.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { appendBatch } from './append-batch.ts'
import type { Held } from './growth.ts'

const NONE: ReadonlyMap<string, Held> = new Map()

/**
 * Writes entries down inside a transaction that does something else as well, and answers with their places.
 *
 * All or nothing: refuses when one of them cannot be written. MUST come before other locks are taken, and the transaction be
 * short: whoever else writes to these logs waits for its end.
 */
export async function appendEntries(tx: LedgerTx, now: Date, items: readonly NewEntry[]): Promise<readonly Place[]> {
  const { written } = await appendBatch(tx, now, { items, held: NONE })
  await logs.tellGrown(tx)
  return placesOf(written, items)
}

/** The places of what was asked together. Refuses when one of it was not written. */
export function placesOf(written: readonly Written[], items: readonly NewEntry[]): readonly Place[] {
  return written.map((one, at) => {
    if (!('refused' in one)) return one
    const { id = '', log = '' } = items[at] ?? {}
    throw new Refusal(one.refused, SENTENCES[one.refused], { metadata: { id, log } })
  })
}

const SENTENCES: Readonly<Record<NotWritten, string>> = {
  ENTRY_CONFLICT: 'an entry of this id is there and says something else',
  ENTRY_TOO_LARGE: 'the entry without its payload is above 65,535 bytes',
  LOG_ON_HOLD: 'this log lost entries that the peer has witnessed, and takes none until they are back',
}
