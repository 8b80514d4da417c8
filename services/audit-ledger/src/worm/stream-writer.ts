import type { Clock } from '@powernode/clock'
import type { Kept, Shelf } from '@powernode/events'
import { inTransaction, type Db } from '@powernode/postgres'
import { TILE_WIDTH } from '@powernode/tlog'
import { Contradiction, type Head } from '../log-files.ts'
import { readSegments } from '../operations/export/read-segments.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'
import { after, checkpointOf, messagesOf, subjectOf, whereOf, type Message } from './segment-message.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly shelf: Shelf }

/** Where the stream of one log ends: what comes next, and behind which message. */
type End = { readonly position: number; readonly part: number; readonly seq: number }

/** Segments that are read, and held in memory, at a time. */
const AT_A_TIME = 16

export type StreamWriter = {
  /** Puts every full segment below the head into the stream; resolves with how many messages that took. */
  readonly keep: (head: Head) => Promise<number>
}

/**
 * Puts segments into the stream, each once, in their order, without gaps.
 *
 * Each message names the one it stands behind, and the server refuses it anywhere else: so replicas, repeats and crashes
 * change nothing, however long they take; the server's memory of ids, which ends after minutes, is not relied on. Where the
 * stream ends is learnt from the stream itself, so one that lost everything is filled again from the first segment.
 */
export function createStreamWriter({ db, clock, shelf }: Deps): StreamWriter {
  const ends = new Map<number, End>()
  const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))
  const messages = async (head: Head, first: number, count: number): Promise<readonly (readonly Message[])[]> => {
    const { segments } = await act((tx, now) => readSegments(tx, now, { tree: { logId: head.logId }, first, count }))
    return segments.map((segment) => messagesOf(head, segment))
  }

  async function endOf(head: Head): Promise<End> {
    const known = ends.get(head.logId)
    if (known) return known
    const last = await shelf.last(subjectOf(head))
    if (!last) return { position: 0, part: 0, seq: 0 }
    if (whereOf(last, head.origin)) return endAfter(head, last)
    const own = await lastSegment(head)
    return { ...(own ? await endAfter(head, own) : { position: 0, part: 0 }), seq: last.seq }
  }

  /**
   * Whoever may speak to the server at all can have it answer into the stream (the subject for the answer is his to choose),
   * and nothing is ever taken out again. `compareStream` names such a message; it MUST NOT end what is kept here.
   */
  async function lastSegment(head: Head): Promise<Kept | undefined> {
    const subject = subjectOf(head)
    let own: Kept | undefined
    for (let kept = await shelf.next(subject, 1); kept; kept = await shelf.next(subject, kept.seq + 1))
      if (whereOf(kept, head.origin)) own = kept
    return own
  }

  /** The last of our messages, held against the log: a log that was rewritten is not continued. */
  async function endAfter(head: Head, last: Kept): Promise<End> {
    const [where, found] = [whereOf(last, head.origin), checkpointOf(last)]
    if (!where) throw new Error(`message ${last.seq} in the stream of ${head.origin} is none of its segments`)
    if ((where.position + 1) * TILE_WIDTH > head.size)
      throw new Contradiction(`the stream of ${head.origin} reaches segment ${where.position}, the database ${head.size} entries`, { found }) // prettier-ignore
    const [own = []] = await messages(head, where.position, 1)
    const same = own.length === 0 || Buffer.compare(own[where.part]?.data ?? Buffer.alloc(0), last.data) === 0
    if (!same)
      throw new Contradiction(`segment ${where.position} of ${head.origin} is not the one in the stream`, { found })
    return { ...after(where), seq: last.seq }
  }

  async function put(head: Head, message: Message, end: End): Promise<End> {
    const { id, headers, data } = message
    const seq = await shelf.put(subjectOf(head), { after: end.seq, id, headers, data })
    if (seq === undefined) {
      ends.delete(head.logId)
      throw new Error(`the stream of ${head.origin} does not end where it did: looking again`)
    }
    return { ...after(message), seq }
  }

  return {
    async keep(head) {
      const full = Math.floor(head.size / TILE_WIDTH)
      let [end, count] = [await endOf(head), 0]
      while (end.position < full) {
        const first = end.position
        for (const [i, segment] of (await messages(head, first, Math.min(AT_A_TIME, full - first))).entries()) {
          if (segment.length === 0) end = { position: first + i + 1, part: 0, seq: end.seq }
          for (const message of segment.slice(end.part)) {
            end = await put(head, message, end)
            count++
          }
        }
        ends.set(head.logId, end)
      }
      ends.set(head.logId, end)
      return count
    },
  }
}
