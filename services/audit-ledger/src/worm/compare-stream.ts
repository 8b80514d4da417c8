import type { Clock } from '@powernode/clock'
import type { Shelf } from '@powernode/events'
import { inTransaction, type Db } from '@powernode/postgres'
import { TILE_WIDTH } from '@powernode/tlog'
import { Contradiction, type Head } from '../log-files.ts'
import { readSegments } from '../operations/export/read-segments.ts'
import type { Tables } from '../store/tables.ts'
import { after, checkpointOf, messagesOf, subjectOf, whereOf, type Message, type Where } from './segment-message.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly shelf: Shelf }

/** Something in the stream that is not as in the log. */
export type Difference = {
  /** Which message of the stream; 0: one that is missing. */
  readonly seq: number
  /** Which segment of the log. */
  readonly position: number
  readonly flaw: string
  /** The checkpoint beside that message. */
  readonly found: string
}

/**
 * Holds every message of a log in the stream against the database, and names each difference: altered, out of order, not
 * ours, or missing. What the log has beyond the stream's end is not one, since that may be on its way.
 */
export async function* compareStream(deps: Deps, head: Head): AsyncGenerator<Difference> {
  const { shelf } = deps
  const subject = subjectOf(head)
  let expected: Pick<Where, 'position' | 'part'> = { position: 0, part: 0 }
  for (let kept = await shelf.next(subject, 1); kept; kept = await shelf.next(subject, kept.seq + 1)) {
    const { seq } = kept
    const [where, found] = [whereOf(kept, head.origin), checkpointOf(kept)]
    if (!where) {
      yield { seq, position: expected.position, found, flaw: `message ${seq} is no segment of ${head.origin}` }
      continue
    }
    const { position, part } = where
    if (!follows(expected, where) && !(await wasDroppedBefore(deps, head, { from: expected, to: where })))
      yield {
        seq,
        position,
        found,
        flaw: `message ${seq} is segment ${position}, where ${expected.position} has to stand`,
      }
    expected = after(where)
    const own = await segmentOf(deps, head, position)
    if (typeof own === 'string') yield { seq, position, found, flaw: own }
    else if (own.length > 0 && Buffer.compare(own[part]?.data ?? Buffer.alloc(0), kept.data) !== 0)
      yield { seq, position, found, flaw: `segment ${position} of ${head.origin} is not the one in message ${seq}` }
  }
}

const follows = (expected: Pick<Where, 'position' | 'part'>, { position, part }: Where): boolean =>
  expected.position === position && expected.part === part

/** A stream that was filled anew after retention begins, or goes on, behind what was dropped. */
async function wasDroppedBefore(
  deps: Deps,
  head: Head,
  { from, to }: { readonly from: Pick<Where, 'position' | 'part'>; readonly to: Where },
): Promise<boolean> {
  if (from.part > 0 || to.part > 0 || to.position <= from.position) return false
  const before = await segmentOf(deps, head, to.position - 1)
  return typeof before !== 'string' && before.length === 0
}

/** The messages that a segment makes today; what is wrong when it makes none. */
async function segmentOf({ db, clock }: Deps, head: Head, position: number): Promise<readonly Message[] | string> {
  if ((position + 1) * TILE_WIDTH > head.size) return `segment ${position} of ${head.origin} is in the stream, and not in the database` // prettier-ignore
  const said = { tree: { logId: head.logId }, first: position, count: 1 }
  try {
    const { segments } = await inTransaction(db, (tx) => readSegments(tx, clock.now(), said))
    return segments.flatMap((segment) => messagesOf(head, segment))
  } catch (error) {
    if (error instanceof Contradiction) return error.message
    throw error
  }
}
