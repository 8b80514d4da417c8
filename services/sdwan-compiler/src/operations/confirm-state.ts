import * as nodes from '../store/nodes.ts'
import type { SdwanTx } from '../store/tables.ts'

/** A node asks over its new paths, and is answered: it keeps what it has applied. */
export async function confirmState(
  tx: SdwanTx,
  now: Date,
  { nodeId, version }: { readonly nodeId: string; readonly version: string },
): Promise<void> {
  // prettier-ignore
  await nodes.confirm(tx, nodeId, version, now)
}
