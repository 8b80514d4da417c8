import { signNote, type Signer } from '@powernode/tlog'

/** Our signature lines under a note: each with its line's end, and nothing of the note. */
export function cosignatureOf(note: string, signer: Signer): string {
  const body = note.slice(0, note.lastIndexOf('\n\n') + 1)
  const signed = signNote(body, [signer])
  return signed.slice(body.length + 1)
}
