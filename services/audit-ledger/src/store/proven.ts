import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** An entry, and a checkpoint that covers it, if any is signed yet. */
export type Covered = {
  readonly logId: number
  readonly leaf: Buffer
  /** Its size, the note without cosignatures, and the lines of those. Null: none covers it. */
  readonly size: number | null
  readonly note: string | null
  readonly lines: readonly string[] | null
}

/** The entry at a place, with the newest checkpoint that a witness has cosigned, or else the newest. In one statement. */
export async function covered(
  tx: LedgerTx,
  { log, sequence }: { readonly log: string; readonly sequence: number },
): Promise<Covered | undefined> {
  const { rows } = await sql<Covered>`
    select log.id as "logId", entry.leaf, c.size, c.note, c.lines
    from log join entry on entry.log_id = log.id
    left join lateral (
      select size, note, array(
          select line from cosignature s where s.log_id = log.id and s.size = checkpoint.size order by s.at, s.name) as lines
      from checkpoint
      where log_id = log.id and size > entry.sequence and size = coalesce(
        (select s.size from cosignature s where s.log_id = log.id and s.size > entry.sequence order by s.size desc limit 1),
        (select n.size from checkpoint n where n.log_id = log.id order by n.size desc limit 1))
    ) c on true
    where log.name = ${log} and entry.sequence = ${sequence}`.execute(tx)
  return rows[0]
}
