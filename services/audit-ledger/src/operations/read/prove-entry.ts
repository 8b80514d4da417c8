import { Refusal } from '@powernode/rpc'
import { addSignatures, checkInclusion, formatProof, inclusionProof } from '@powernode/tlog'
import * as proven from '../../store/proven.ts'
import type { Executor, LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import type { TileCache } from '../../tile-cache.ts'
import { findEntry, type Sought } from './find-entry.ts'

export type Place = { readonly log: string; readonly sequence: number }

export type Proven = { readonly proof: string; readonly leaf: Uint8Array }

/**
 * The proof that an entry is in its log, for whoever is offline (C2SP tlog-proof): under the newest checkpoint that a witness has
 * cosigned, or else under the newest that we signed.
 */
export async function proveEntry(
  tx: LedgerTx,
  now: Date,
  { place: sought }: { readonly place: Sought },
): Promise<Proven> {
  const place = 'sequence' in sought ? sought : await placeOf(tx, now, sought)
  const proof = await provePlace(tx, now, { place })
  if (proof) return proof
  await findEntry(tx, now, place) // says why it is not there
  throw new Error('the entry was written this moment')
}

/** The same of a place that is known; undefined when there is no entry. In no need of a transaction: what it reads never changes. */
export async function provePlace(
  on: Executor,
  _now: Date,
  { place, tiles }: { readonly place: Place; readonly tiles?: TileCache },
): Promise<Proven | undefined> {
  const covered = await proven.covered(on, place)
  if (!covered) return undefined
  const { sequence: index } = place
  const { logId, leaf, leafHash, size, root, note, lines } = covered
  if (size === null || root === null || note === null) {
    throw new Refusal('PROOF_OUT_OF_RANGE', `entry ${index} is not signed yet`, { next: 'ask again in a second' })
  }
  const read = tileReader(on, logId)
  let proof = await inclusionProof(tiles?.before(read, logId) ?? read, index, size)
  // Where it does not fit, what is in memory is of a database that was here before.
  if (tiles && checkInclusion({ index, size, leafHash, proof, root })) proof = await inclusionProof(read, index, size)
  const checkpoint = lines.length > 0 ? addSignatures(note, lines) : note
  return { proof: formatProof({ index, proof, checkpoint }), leaf }
}

async function placeOf(tx: LedgerTx, now: Date, sought: Sought): Promise<Place> {
  const { log, row } = await findEntry(tx, now, sought)
  return { log: log.name, sequence: row.sequence }
}
