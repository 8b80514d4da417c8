import { NoteFlaw, openNote, parseCheckpoint, type Checkpoint } from '@powernode/tlog'
import { Refusal } from '@powernode/rpc'
import { logVerifier } from '../../peer-keys.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'

export type PeerCheckpoint = Checkpoint & {
  /** With the log's own signature, and no other: what others have written under it is not ours to keep. */
  readonly note: string
}

/**
 * A checkpoint of the peer's log about us. Signed by the key that the peer's identity has endorsed for it, under the origin
 * of this very peering: one that the peer gave to somebody else is of another log, and is refused.
 */
export async function openPeerCheckpoint(
  tx: LedgerTx,
  { peerId, checkpoint: text }: { readonly peerId: string; readonly checkpoint: string },
): Promise<PeerCheckpoint> {
  const keys = await witnessedKeys.newest(tx, peerId)
  if (!keys) throw new Refusal('LEDGER_KEYS_UNKNOWN', 'the keys of your ledger are not known here yet')
  const verifier = logVerifier(keys)
  try {
    const { body, verified } = openNote(text, [verifier])
    const checkpoint = parseCheckpoint(body)
    if (checkpoint.origin === verifier.name) return { ...checkpoint, note: `${body}\n${verified[0]?.line}\n` }
    throw invalid(`it is of ${checkpoint.origin}, and signed as ${verifier.name}`)
  } catch (error) {
    if (error instanceof NoteFlaw) throw invalid(error.message)
    throw error
  }
}

const invalid = (why: string): Refusal => new Refusal('CHECKPOINT_INVALID', `the checkpoint cannot be believed: ${why}`)
