import * as checkpoints from '../../store/checkpoints.ts'
import * as holds from '../../store/holds.ts'
import type { LedgerTx } from '../../store/tables.ts'

/**
 * Keeps what was signed before anybody gets to see it: of each size of a log there is one root, and it stays.
 *
 * Should a tree say another root for a size that was signed, then somebody altered what was written. That log goes on hold:
 * nothing is written to it or signed of it until an operator has looked.
 */
export async function keepCheckpoints(
  tx: LedgerTx,
  now: Date,
  signed: readonly checkpoints.Checkpoint[],
): Promise<{ readonly altered: readonly number[] }> {
  const altered: number[] = []
  const added = await checkpoints.add(tx, signed)
  const isNew = new Set(added.map(({ logId, size }) => `${logId}/${size}`))
  for (const { logId, size, root } of signed) {
    if (isNew.has(`${logId}/${size}`)) continue
    const before = await checkpoints.ofSize(tx, logId, size)
    if (!before || Buffer.compare(before.root, root) === 0) continue
    altered.push(logId)
    const reason = `the tree of ${size} entries is not the one that was signed`
    if ((await holds.reasonOf(tx, logId)) === undefined) await holds.change(tx, { logId, held: true, reason }, now)
  }
  return { altered }
}
