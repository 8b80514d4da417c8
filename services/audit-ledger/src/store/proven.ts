import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** An entry, and a checkpoint that covers it, if any is signed yet. */
export type Covered = {
  readonly logId: number
  readonly leaf: Buffer
  /** Its size and the note without cosignatures, null when none covers it; and the lines of those. */
  readonly size: number | null
  readonly note: string | null
  readonly lines: readonly string[]
}

/** The entry at a place, with the newest checkpoint that a witness has cosigned, or else the newest. In one statement. */
export async function covered(
  tx: LedgerTx,
  { log, sequence }: { readonly log: string; readonly sequence: number },
): Promise<Covered | undefined> {
  const { rows } = await sql<Covered>`
    select log.id as "logId", entry.leaf, checkpoint.size, checkpoint.note, array(
        select line from cosignature where log_id = log.id and size = checkpoint.size order by at, name) as lines
    from log join entry on entry.log_id = log.id
    left join lateral (
      select size from cosignature where log_id = log.id and size > entry.sequence order by size desc limit 1) seen on true
    left join lateral (select size from checkpoint where log_id = log.id order by size desc limit 1) newest on true
    left join checkpoint on checkpoint.log_id = log.id and checkpoint.size = coalesce(seen.size, newest.size)
      and checkpoint.size > entry.sequence
    where log.name = ${log} and entry.sequence = ${sequence}`.execute(tx)
  return rows[0]
}
