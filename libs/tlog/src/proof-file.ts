import { parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import { HASH_BYTES, leafHash } from './merkle.ts'
import { fromBase64, fromDecimal, malformed, NoteFlaw, toBase64 } from './note-flaw.ts'
import { openNote, parseNote, type Verified } from './note.ts'
import { satisfies, verifiersOf, type Policy } from './policy.ts'
import { checkInclusion } from './proofs.ts'
import type { Verifier } from './vkey.ts'

/** What a `.tlog-proof` file says (C2SP tlog-proof): one entry's place in a log, for whoever is offline, years later. */
export type Proof = {
  readonly index: number
  /** The leaf's sibling first. */
  readonly proof: readonly Uint8Array[]
  /** The signed note, with cosignatures. */
  readonly checkpoint: string
  /** Nothing vouches for it. */
  readonly extra?: Uint8Array
}

/** Whom to believe: keys of logs and witnesses, of which a log MUST have signed; or a policy, which says who MUST have. */
export type Trust = readonly Verifier[] | Policy

const HEADER = 'c2sp.org/tlog-proof@v1'

export function formatProof({ index, proof, checkpoint, extra }: Proof): string {
  const lines = [HEADER, ...(extra ? [`extra ${toBase64(extra)}`] : []), `index ${index}`, ...proof.map(toBase64)]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

export function parseProof(text: string): Proof {
  const split = text.indexOf('\n\n')
  if (split < 0) throw malformed('a proof has a blank line before its checkpoint')
  const [header, ...lines] = text.slice(0, split).split('\n')
  if (header !== HEADER) throw malformed(`a proof begins with ${HEADER}`)
  const extra = lines[0]?.startsWith('extra ') ? fromBase64(lines.shift()?.slice(6) ?? '', 'the extra data') : undefined
  const index = lines.shift() ?? ''
  if (!index.startsWith('index ')) throw malformed('a proof says the index of its entry')
  const checkpoint = text.slice(split + 2)
  parseNote(checkpoint)
  const read = { index: fromDecimal(index.slice(6), 'the index'), proof: parseHashes(lines), checkpoint }
  return extra ? { ...read, extra } : read
}

/** Hashes, one a line. A tree that can be counted has no more than 63 levels. */
export function parseHashes(lines: readonly string[]): Uint8Array[] {
  if (lines.length > 63) throw malformed('a proof has at most 63 hashes')
  const hashes = lines.map((line) => fromBase64(line, 'a hash of the proof'))
  if (hashes.some(({ length }) => length !== HASH_BYTES)) throw malformed(`a hash has ${HASH_BYTES} bytes`)
  return hashes
}

export type Proven = {
  readonly index: number
  readonly checkpoint: Checkpoint
  readonly verified: readonly Verified[]
}

/** What the file proves of this leaf. Throws a NoteFlaw when it does not prove it to somebody with this trust. */
export function checkProof(text: string, leaf: Uint8Array, trust: Trust): Proven {
  const { index, proof, checkpoint: note } = parseProof(text)
  const { checkpoint, verified } = openCheckpoint(note, trust)
  const { size, root } = checkpoint
  const flaw = checkInclusion({ index, size, root, proof, leafHash: leafHash(leaf) })
  if (flaw) throw new NoteFlaw('forged', `entry ${index} is not proven: ${flaw}`)
  return { index, checkpoint, verified }
}

/**
 * A checkpoint that somebody with this trust may believe. The log's key MUST bear the name of the origin: else one log's
 * key could speak for another log.
 */
export function openCheckpoint(
  note: string,
  trust: Trust,
): { readonly checkpoint: Checkpoint; readonly verified: readonly Verified[] } {
  const policy = 'quorum' in trust ? trust : undefined
  const { body, verified } = openNote(note, policy ? verifiersOf(policy) : (trust as readonly Verifier[])) // not a policy
  const checkpoint = parseCheckpoint(body)
  const byLog = verified.some(({ verifier: { type, name } }) => type === 'ed25519' && name === checkpoint.origin)
  const logIsKnown = !policy || policy.logs.length > 0
  if (logIsKnown && !byLog) throw new NoteFlaw('unsigned', `no known key of ${checkpoint.origin} has signed`)
  if (policy && !satisfies(policy, verified)) throw new NoteFlaw('unsigned', 'too few witnesses have cosigned')
  return { checkpoint, verified }
}
