import { NoteFlaw, openNote, parseCheckpoint, type Head, type Verifier } from '@powernode/tlog'

/** A checkpoint of ours, as a peer gave it back. */
export type OwnNote = Head & { readonly note: string }

/**
 * What we ourselves have signed of a log, of the notes that a peer shows. Whatever else it shows proves nothing: a size is a
 * claim, our signature is not.
 */
export function ownNotes(notes: readonly string[], ours: Verifier): readonly OwnNote[] {
  return [...new Set(notes)].flatMap((note) => {
    try {
      const { origin, size, root } = parseCheckpoint(openNote(note, [ours]).body)
      return origin === ours.name ? [{ origin, size, root, note }] : []
    } catch (error) {
      if (error instanceof NoteFlaw) return []
      throw error
    }
  })
}
