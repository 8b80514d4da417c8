import { pruningPath } from '@powernode/ledger'
import type { File, Tree } from '../../log-files.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** The newest statement about entries that were dropped, as a file; none of a log that has them all. */
export async function readPruning(
  tx: LedgerTx,
  _now: Date,
  { tree }: { readonly tree: Tree },
): Promise<readonly File[]> {
  const pruning = 'logId' in tree ? await prunings.newest(tx, tree.logId) : undefined
  return pruning ? [{ path: pruningPath(pruning.below), content: Buffer.from(pruning.statement) }] : []
}
