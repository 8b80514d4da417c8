import { Refusal } from '@powernode/rpc'
import { formatProof, inclusionProof } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import { findEntry, type Sought } from './find-entry.ts'
import { noteOf } from './get-checkpoint.ts'

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
  const cosigned = await cosignatures.newest(tx, log.id)
  const covers = cosigned && cosigned.size > row.sequence
  const checkpoint = await (covers ? checkpoints.ofSize(tx, log.id, cosigned.size) : checkpoints.newest(tx, log.id))
  if (!checkpoint || checkpoint.size <= row.sequence) {
    throw new Refusal('PROOF_OUT_OF_RANGE', `entry ${row.sequence} is not signed yet`, {
      next: 'ask again in a second',
    })
  }
  const proof = await inclusionProof(tileReader(tx, log.id), row.sequence, checkpoint.size)
  return {
    proof: formatProof({ index: row.sequence, proof, checkpoint: await noteOf(tx, checkpoint) }),
    leaf: row.leaf,
  }
}
