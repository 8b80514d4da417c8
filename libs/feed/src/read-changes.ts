import { Code, ConnectError } from '@connectrpc/connect'
import type { Db } from '@powernode/postgres'
import { sql } from 'kysely'
import { isKnown, readHead, type Head } from './epoch.ts'
import type { FeedSource } from './source.ts'
import { Turns } from './turns.ts'

/** A reader that takes nothing for so long gives its snapshot back, and its connection to the database. */
const IDLE_MS = 5_000

export type Changes<Tables, Update> = {
  readonly db: Db<Tables>
  readonly feed: string
  readonly source: FeedSource<Tables, Update>
  readonly turns: ReadTurns
}

/** Readers are as slow as they like, and the pool is small: others than feeds live from it. */
export class ReadTurns {
  readonly all = new Turns(2)
  readonly since = new Turns(4)
}

/**
 * Tells what changed after `position`, or everything, as of one snapshot; returns how far that was, or undefined when
 * `signal` aborted before all was told.
 *
 * A transaction in which a reader was told half is never run again: what has gone out since could contradict it.
 */
export async function* readChanges<Tables, Update>(
  { db, feed, source, turns }: Changes<Tables, Update>,
  { position, isFirst }: { readonly position: Head | undefined; readonly isFirst: boolean },
  signal: AbortSignal,
): AsyncGenerator<{ update: Update }, Head | undefined> {
  const endTurn = await (position ? turns.since : turns.all).take()
  try {
    const begun = await db.startTransaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute()
    try {
      await sql`select set_config('idle_in_transaction_session_timeout', ${String(IDLE_MS)}, true)`.execute(begun)
      const head = await readHead(begun, feed)
      if (position && !(await isKnown(begun, feed, position)))
        throw new ConnectError('the history of this feed is another one: begin again', Code.Aborted)
      const parts = [
        ...(isFirst && source.readFirst ? [source.readFirst(begun)] : []),
        position ? source.readSince(begun, position.epoch) : source.readAll(begun),
      ]
      for (const part of parts)
        for await (const update of part) {
          if (signal.aborted) return undefined
          yield { update }
        }
      return head
    } finally {
      await begun
        .rollback()
        .execute()
        .catch(() => {}) // whatever failed has been thrown; the server rolls back by itself
    }
  } finally {
    endTurn()
  }
}
