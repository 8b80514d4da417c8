import { formatProof, parseProof, type Checkpoint } from '@powernode/tlog'
import { parseCheckpoint, parseNote } from '@powernode/tlog'

export type Proof = {
  /** C2SP tlog-proof; the leaf stands in it as extra data, so that the file alone can be checked. */
  readonly text: string
  readonly index: number
  readonly checkpoint: Checkpoint
  /** Signature lines under the checkpoint. */
  readonly signatures: readonly string[]
}

/** A proof and the leaf it is about, as one file. Extra data is not to be trusted; a leaf is, since its hash is proven. */
export function proofWithLeaf(text: string, leaf: Uint8Array): Proof {
  const parsed = parseProof(text)
  const note = parseNote(parsed.checkpoint)
  return {
    text: formatProof({ ...parsed, extra: leaf }),
    index: parsed.index,
    checkpoint: parseCheckpoint(note.body),
    signatures: note.signatures.map(({ name }) => name),
  }
}
