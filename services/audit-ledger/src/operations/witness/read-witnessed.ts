import * as witnessedKeys from '../../store/witnessed-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import type { Witnessed } from '../../store/witnessed.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** What we have witnessed last of the log whose origin has this SHA-256; undefined while there is nothing. */
export async function readWitnessed(
  tx: LedgerTx,
  _now: Date,
  { originSha256 }: { readonly originSha256: Buffer },
): Promise<Witnessed | undefined> {
  for (const keys of await witnessedKeys.byOrigin(tx, originSha256)) {
    const newest = await witnessed.newest(tx, keys)
    if (newest) return newest
  }
  return undefined
}
