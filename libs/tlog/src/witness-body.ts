import { fromDecimal, malformed, toBase64 } from './note-flaw.ts'
import { parseHashes } from './proof-file.ts'

/** What is posted to `add-checkpoint` of a witness (C2SP tlog-witness). */
export type AddCheckpoint = {
  /** What the witness cosigned last, as far as the caller knows; 0: nothing. */
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  /** The signed note. */
  readonly checkpoint: string
}

export const formatAddCheckpoint = ({ oldSize, proof, checkpoint }: AddCheckpoint): string =>
  `old ${oldSize}\n${proof.map((hash) => `${toBase64(hash)}\n`).join('')}\n${checkpoint}`

/** Takes the body apart, at its first blank line; the note is not looked at. */
export function parseAddCheckpoint(text: string): AddCheckpoint {
  const split = text.indexOf('\n\n')
  if (split < 0) throw malformed('a blank line stands before the checkpoint')
  const [old = '', ...lines] = text.slice(0, split).split('\n')
  if (!old.startsWith('old ')) throw malformed('the first line is: old <size>')
  const oldSize = fromDecimal(old.slice(4), 'the old size')
  return { oldSize, proof: parseHashes(lines), checkpoint: text.slice(split + 2) }
}
