import { sql } from 'kysely'
import type { Executor } from './tables.ts'

/** An entry, and a checkpoint that covers it, if any is signed yet. */
export type Covered = {
  readonly logId: number
  readonly leaf: Buffer
  readonly leafHash: Buffer
  /** Its size, root, and the note without cosignatures, null when none covers it; and the lines of those. */
  readonly size: number | null
  readonly root: Buffer | null
  readonly note: string | null
  readonly lines: readonly string[]
}

/** The entry at a place, with the newest checkpoint that a witness has cosigned, or else the newest. */
export async function covered(
  on: Executor,
  { log, sequence }: { readonly log: string; readonly sequence: number },
): Promise<Covered | undefined> {
  // A function's, because its plan is kept: to make it anew takes five times as long as the answer.
  const { rows } = await sql<Covered>`
    select log_id as "logId", leaf, leaf_hash as "leafHash", size, root, note, lines
    from covered_entry(${log}, ${sequence})`.execute(on)
  return rows[0]
}
