import { Refusal } from '@powernode/rpc'
import { openCheckpoint, type PeerCheckpoint } from '../../peer-checkpoint.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'

export type SignedHead = PeerCheckpoint & { readonly origin: string }

/**
 * A checkpoint of the peer's log about us. Signed by the key that the peer's identity has endorsed for it, under the origin
 * of this very peering: one that the peer gave to somebody else is of another log, and is refused.
 */
export async function openPeerCheckpoint(
  tx: LedgerTx,
  { peerId, checkpoint: text }: { readonly peerId: string; readonly checkpoint: string },
): Promise<SignedHead> {
  const keys = await witnessedKeys.newest(tx, peerId)
  if (!keys) throw new Refusal('LEDGER_KEYS_UNKNOWN', 'the keys of your ledger are not known here yet')
  const opened = openCheckpoint(text, keys)
  if ('flaw' in opened) throw invalid(opened.detail)
  return { ...opened.checkpoint, origin: keys.origin }
}

const invalid = (why: string): Refusal => new Refusal('CHECKPOINT_INVALID', `the checkpoint cannot be believed: ${why}`)
