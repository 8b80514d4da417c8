import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { CopyPlace, Head } from '../log-files.ts'
import { noteCopied } from '../operations/export/note-copied.ts'
import type { Tables } from '../store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock }

/** Notes how far the copies of logs have come: written when it changes, and once after each start. */
export function createCopyNotes(
  { db, clock }: Deps,
  place: CopyPlace,
): (head: Pick<Head, 'logId'>, size: number) => Promise<void> {
  const noted = new Map<number, number>()
  return async ({ logId }, size) => {
    if (noted.get(logId) === size) return
    await inTransaction(db, (tx) => noteCopied(tx, clock.now(), { logId, place, size }))
    noted.set(logId, size)
  }
}
