import * as entries from '../../store/entries.ts'
import * as erasures from '../../store/erasures.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

export type Asked = {
  readonly log: string
  /** Where to begin; with `newestFirst` 0 means the end. */
  readonly start: number
  readonly limit: number
  readonly actionPrefix: string
  readonly newestFirst: boolean
}

/** An entry, and why its payload is gone, when it is. */
export type Shown = { readonly row: entries.Row; readonly erased: erasures.Erasure | undefined }

export type Page = {
  readonly entries: readonly Shown[]
  readonly size: number
  /** Where the next page begins; undefined when there is none. */
  readonly next: number | undefined
}

/** What one answer carries at most, so that it stays below what clients take (4 MiB) in every encoding. */
const BUDGET_BYTES = 1_000_000
const CHUNK = 200
const EACH_BYTES = 200

/**
 * A page of a log by sequence. A page of the past never changes, but for payloads that are erased.
 *
 * Shorter than `limit` when the entries are large. A log that nothing was written to is empty.
 */
export async function listEntries(tx: LedgerTx, _now: Date, asked: Asked): Promise<Page> {
  const log = await logs.find(tx, asked.log)
  if (!log) return { entries: [], size: 0, next: undefined }
  const size = await entries.size(tx, log.id)
  const rows: entries.Row[] = []
  const { newestFirst, actionPrefix, limit } = asked
  let left = newestFirst
    ? { start: 0, end: asked.start === 0 ? size : Math.min(asked.start + 1, size) }
    : { start: asked.start, end: size }
  for (let bytes = 0; rows.length < limit;) {
    const chunk = Math.min(CHUNK, limit - rows.length)
    const found = await entries.stretch(tx, log.id, { ...left, limit: chunk, actionPrefix, newestFirst })
    for (const row of found) {
      bytes += EACH_BYTES + row.leaf.length + (row.body?.length ?? 0)
      if (bytes > BUDGET_BYTES && rows.length > 0) return page(row.sequence)
      rows.push(row)
      left = newestFirst ? { ...left, end: row.sequence } : { ...left, start: row.sequence + 1 }
    }
    if (found.length < chunk) return page(undefined)
  }
  const next = newestFirst ? left.end - 1 : left.start
  return page(next >= 0 && next < size ? next : undefined)

  async function page(next: number | undefined): Promise<Page> {
    return { entries: await withErasures(tx, rows), size, next: next === 0 ? undefined : next }
  }
}

/** Says of each entry whether its payload was erased: by the newest that touches it. */
export async function withErasures(tx: LedgerTx, rows: readonly entries.Row[]): Promise<readonly Shown[]> {
  const sequences = rows.map(({ sequence }) => sequence)
  const [first] = rows
  if (!first) return []
  const range = { first: Math.min(...sequences), last: Math.max(...sequences) }
  const all = await erasures.within(tx, first.logId, range)
  return rows.map((row) => ({ row, erased: row.body === null ? erasures.covering(all, row) : undefined }))
}
