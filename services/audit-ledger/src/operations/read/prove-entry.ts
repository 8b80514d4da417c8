import { Refusal } from '@powernode/rpc'
import { addSignatures, formatProof, inclusionProof } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import { findEntry, type Sought } from './find-entry.ts'

/**
 * The proof that an entry is in its log, for whoever is offline (C2SP tlog-proof): under the newest checkpoint that a witness has
 * cosigned, or else under the newest that we signed.
 */
export async function proveEntry(
  tx: LedgerTx,
  now: Date,
  { place }: { readonly place: Sought },
): Promise<{ readonly proof: string; readonly leaf: Uint8Array }> {
  const { log, row } = await findEntry(tx, now, place)
  const checkpoint = await checkpoints.covering(tx, log.id, row.sequence)
  if (!checkpoint) {
    throw new Refusal('PROOF_OUT_OF_RANGE', `entry ${row.sequence} is not signed yet`, {
      next: 'ask again in a second',
    })
  }
  const proof = await inclusionProof(tileReader(tx, log.id), row.sequence, checkpoint.size)
  const note = checkpoint.lines.length > 0 ? addSignatures(checkpoint.note, checkpoint.lines) : checkpoint.note
  return { proof: formatProof({ index: row.sequence, proof, checkpoint: note }), leaf: row.leaf }
}
