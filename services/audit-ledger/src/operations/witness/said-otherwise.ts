import type { PeerCheckpoint } from '../../peer-checkpoint.ts'
import type { PeerKeys } from '../../peer-keys.ts'
import * as mirrors from '../../store/mirrors.ts'
import * as witnessed from '../../store/witnessed.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** What a peer signed before, and cannot both be true with what it signs now. */
export type Otherwise = { readonly size: number; readonly note: string }

/**
 * Whether a peer has told another root for the size of this checkpoint: as we have witnessed it, or by the entries that it
 * delivered to its mirror and signed. Without the mirror a peer could have one history witnessed and another one mirrored, as
 * long as it never signed the same size twice. MUST hold the log's lock, so that a delivery does not come in between.
 */
export async function saidOtherwise(
  tx: LedgerTx,
  keys: PeerKeys,
  { size, root }: PeerCheckpoint,
): Promise<Otherwise | undefined> {
  const same = await witnessed.ofSize(tx, keys, size)
  if (same) return differs(same.root, root) ? same : undefined
  const head = await mirrors.head(tx, keys.peerId)
  if (!head || size === 0 || head.size < size) return undefined
  const mirrored = (await mirrors.edge(tx, keys.peerId, size)).root()
  return differs(mirrored, root) ? { size: head.checkpointSize, note: head.checkpoint } : undefined
}

const differs = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) !== 0
