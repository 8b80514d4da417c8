import { NoteFlaw, openNote, parseCheckpoint, parseNote, type Verifier } from '@powernode/tlog'
import { logVerifier, type PeerKeys } from './peer-keys.ts'

/** What a peer signed about its log. */
export type PeerCheckpoint = {
  readonly size: number
  readonly root: Uint8Array
  /** With the log's own signature, and no other: what others have written under it is not ours to keep. */
  readonly note: string
}

/** Why a note is not the checkpoint of the log that it should be. */
export type CheckpointFlaw =
  /** No reader may take it for a checkpoint. */
  | 'malformed'
  /** It is of another log. */
  | 'other-log'
  /** The log's name stands under it, with a key that is not known here. */
  | 'unknown-key'
  /** Nobody has signed it for the log. */
  | 'unsigned'
  /** The log's key stands under it, and did not sign it. */
  | 'forged'

/** What is kept of a checkpoint: an origin twice, a size, a root and a signature. It is kept for ever, so no more than that. */
const MOST_BYTES = 2_048

export type Opened =
  { readonly checkpoint: PeerCheckpoint } | { readonly flaw: CheckpointFlaw; readonly detail: string }

/** Opens a note as a checkpoint of the peer's log about us: of that origin, and signed with the key that counts now. */
export function openCheckpoint(text: string, keys: PeerKeys): Opened {
  try {
    return opened(text, keys.origin, logVerifier(keys))
  } catch (error) {
    if (error instanceof NoteFlaw) return { flaw: error.kind, detail: error.message }
    throw error
  }
}

function opened(text: string, expected: string, verifier: Verifier): Opened {
  const { body, signatures } = parseNote(text)
  const { origin, size, root } = parseCheckpoint(body)
  if (origin !== expected) return { flaw: 'other-log', detail: `it is of the log ${origin}, not ${expected}` }
  const ofLog = signatures.filter(({ name }) => name === expected)
  if (ofLog.length > 0 && !ofLog.some(({ keyId }) => keyId.equals(verifier.keyId)))
    return { flaw: 'unknown-key', detail: 'it is signed with a key of the log that is not known here' }
  const [signed] = openNote(text, [verifier]).verified
  if (!signed) return { flaw: 'unsigned', detail: 'nobody has signed it for the log' }
  const note = `${body}\n${signed.line}\n`
  if (Buffer.byteLength(note) > MOST_BYTES) return { flaw: 'malformed', detail: `it has more than ${MOST_BYTES} bytes` }
  return { checkpoint: { size, root, note } }
}
