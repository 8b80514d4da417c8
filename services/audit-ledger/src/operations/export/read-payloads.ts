import { encodePayloadLine, payloadsPath } from '@powernode/ledger'
import { TILE_WIDTH } from '@powernode/tlog'
import type { File, Tree } from '../../log-files.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** What stands beside a bundle of entries, as a file: a line for each payload that is not erased. There may be none. */
export async function readPayloads(
  tx: LedgerTx,
  _now: Date,
  { tree, position, size }: { readonly tree: Tree; readonly position: number; readonly size: number },
): Promise<File> {
  const start = position * TILE_WIDTH
  const lines = await sealed.payloads(tx, tree, { start, end: Math.min(start + TILE_WIDTH, size) })
  return { path: payloadsPath(position), content: Buffer.from(lines.map(encodePayloadLine).join('')) }
}
