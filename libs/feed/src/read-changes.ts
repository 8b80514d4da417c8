import { Code, ConnectError } from '@connectrpc/connect'
import { patient, type Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import { readHeadFrom, type Head } from './epoch.ts'
import { Pipe } from './pipe.ts'
import type { FeedSource } from './source.ts'
import { Turns } from './turns.ts'

/** A reader that takes nothing for so long gives its snapshot back, and its connection to the database. */
const PATIENCE_MS = 5_000
const MOST_WAITING = 64

export type Changes<Tables, Update> = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly feed: string
  readonly source: FeedSource<Tables, Update>
  readonly turns: ReadTurns
}

/** Readers may be many and slow, and the pool is small: others than feeds live from it. */
export class ReadTurns {
  readonly all = new Turns(2)
  readonly since = new Turns(4)
}

/** From where a stream goes on; undefined: from nothing. On its first read it is told also what stands in no row. */
export type From = { readonly position: Head | undefined; readonly isFirst: boolean }

/**
 * Tells what changed after a position, or everything, as of one snapshot; returns how far that was, or undefined when
 * `signal` aborted before all was told.
 */
export async function* readChanges<Tables, Update>(
  changes: Changes<Tables, Update>,
  from: From,
  signal: AbortSignal,
): AsyncGenerator<{ update: Update }, Head | undefined> {
  const left = new AbortController()
  const pipe = new Pipe<Update>(MOST_WAITING)
  const reading = read(changes, from, { pipe, signal: AbortSignal.any([signal, left.signal]) })
  reading.catch(() => {}) // thrown below, unless whoever takes has gone
  try {
    for await (const update of pipe.items()) yield { update }
    return await reading
  } finally {
    left.abort()
  }
}

type Into<Update> = { readonly pipe: Pipe<Update>; readonly signal: AbortSignal }

/** A transaction of which a reader was told half is never run again: what has gone out since could contradict it. */
async function read<Tables, Update>(
  { db, clock, feed, source, turns }: Changes<Tables, Update>,
  { position, isFirst }: From,
  { pipe, signal }: Into<Update>,
): Promise<Head | undefined> {
  const endTurn = await (position ? turns.since : turns.all).take()
  const patience = { clock, ms: patient(PATIENCE_MS), signal }
  try {
    if (signal.aborted) return undefined
    const tx = await db.startTransaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute()
    try {
      const { head, isKnown } = await readHeadFrom(tx, feed, position)
      if (!isKnown) throw new ConnectError('the history of this feed is another one: begin again', Code.Aborted)
      const told = [
        ...(isFirst && source.readFirst ? [source.readFirst(tx)] : []),
        position ? source.readSince(tx, position.epoch) : source.readAll(tx),
      ]
      for (const updates of told)
        for await (const update of updates)
          if (!(await pipe.put(update, patience))) {
            if (signal.aborted) return undefined
            throw new ConnectError('nothing was taken for too long: begin again', Code.Aborted)
          }
      return head
    } finally {
      await tx
        .rollback()
        .execute()
        .catch(() => {}) // whatever failed has been thrown; the server rolls back by itself
    }
  } finally {
    endTurn()
    pipe.end()
  }
}
