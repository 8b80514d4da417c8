import type { Tx } from '@powernode/postgres'

/**
 * What a feed tells, read from the tables it tells of.
 *
 * What is told MUST be a function of the rows alone: neither of the time nor of memory, because only a change of a row
 * is told of. A row that was told MUST NOT be deleted but marked, so that its removal can be read as well. To tell
 * something twice MUST be harmless.
 */
export type FeedSource<Tables, Update> = {
  /** What stands in no row, such as configuration: told first on every stream, also on one that continues. */
  readonly readFirst?: (tx: Tx<Tables>) => AsyncIterable<Update>
  /** Everything, in pages, as of the transaction's snapshot. */
  readonly readAll: (tx: Tx<Tables>) => AsyncIterable<Update>
  /** All rows whose `epoch` is greater, as of the transaction's snapshot: those that have to be forgotten, too. */
  readonly readSince: (tx: Tx<Tables>, epoch: bigint) => AsyncIterable<Update>
}
