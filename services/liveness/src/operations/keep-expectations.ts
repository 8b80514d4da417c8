import type { Tx } from '@powernode/postgres'
import * as expectations from '../store/expectations.ts'
import type { Tables } from '../store/tables.ts'

/** Since when these peers are expected to beat, and that the others are not any more, is written down for whoever leads next. */
export async function keepExpectations(
  tx: Tx<Tables>,
  _now: Date,
  { since, gone }: { readonly since: ReadonlyMap<string, Date>; readonly gone: readonly string[] },
): Promise<void> {
  await expectations.put(tx, since)
  await expectations.remove(tx, gone)
}
