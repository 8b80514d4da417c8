import { EntryFlaw, parseEntry } from '@powernode/ledger'
import {
  checkInclusion,
  leafHash,
  openCheckpoint,
  parseProof,
  satisfies,
  type Checkpoint,
  type Verified,
} from '@powernode/tlog'
import { usage } from '../problem.ts'
import { damage, damageOf, type Damage } from './damage.ts'
import type { Trusted } from './trust.ts'

export type ProofVerdict = {
  readonly damage: Damage | undefined
  readonly index?: number
  readonly checkpoint?: Checkpoint
  readonly verified?: readonly Verified[]
  readonly leaf?: Uint8Array
}

/**
 * Whether a proof file proves its entry to somebody who trusts so. Pure: the file, the keys, and nothing else.
 *
 * The leaf is the one given, else the one the file carries along: extra data is vouched for by nobody, but a leaf whose
 * hash leads to a signed root needs no voucher.
 */
export function verifyProof(text: string, given: Uint8Array | undefined, trusted: Trusted): ProofVerdict {
  try {
    const { index, proof, extra, checkpoint: note } = parseProof(text)
    const leaf = given ?? extra
    if (!leaf) throw usage('the proof carries no entry along', '--leaf <file> with the entry as it was hashed')
    const { checkpoint, verified } = openCheckpoint(note, trusted.verifiers)
    const found = { index, checkpoint, verified, leaf }
    const { size, root } = checkpoint
    const flaw = checkInclusion({ index, size, root, proof, leafHash: leafHash(leaf) })
    if (flaw) return { ...found, damage: damage('not_proven', `entry ${index} is not in that tree: ${flaw}`, index) }
    const misplaced = misplacement(leaf, index)
    if (misplaced) return { ...found, damage: misplaced }
    if (trusted.policy && !satisfies(trusted.policy, verified))
      return {
        ...found,
        damage: damage('too_few_cosignatures', 'fewer witnesses have cosigned than the policy asks for'),
      }
    return { ...found, damage: undefined }
  } catch (error) {
    return { damage: damageOf(error) }
  }
}

/** Our own entries say their place; that of another kind of log may be anything. */
function misplacement(leaf: Uint8Array, index: number): Damage | undefined {
  try {
    const { sequence } = parseEntry(leaf)
    return sequence === index ? undefined : damage('gap', `the entry says ${sequence} and stands at ${index}`, index)
  } catch (error) {
    if (error instanceof EntryFlaw) return undefined
    throw error
  }
}
