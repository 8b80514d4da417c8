import { Refusal } from '@powernode/rpc'
import { addSignatures, formatProof, inclusionProof } from '@powernode/tlog'
import * as proven from '../../store/proven.ts'
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
  { place: sought }: { readonly place: Sought },
): Promise<{ readonly proof: string; readonly leaf: Uint8Array }> {
  const place = 'sequence' in sought ? sought : await placeOf(tx, now, sought)
  const { sequence } = place
  const covered = await proven.covered(tx, place)
  if (!covered) {
    await findEntry(tx, now, place) // says why it is not there
    throw new Error('the entry was written this moment')
  }
  const { logId, leaf, size, note, lines } = covered
  if (size === null || note === null) {
    throw new Refusal('PROOF_OUT_OF_RANGE', `entry ${sequence} is not signed yet`, { next: 'ask again in a second' })
  }
  const proof = await inclusionProof(tileReader(tx, logId), sequence, size)
  const checkpoint = lines.length > 0 ? addSignatures(note, lines) : note
  return { proof: formatProof({ index: sequence, proof, checkpoint }), leaf }
}

async function placeOf(tx: LedgerTx, now: Date, sought: Sought): Promise<{ log: string; sequence: number }> {
  const { log, row } = await findEntry(tx, now, sought)
  return { log: log.name, sequence: row.sequence }
}
