import { Code, ConnectError } from '@connectrpc/connect'
import { Doorbell, type Clock } from '@powernode/clock'
import type { Begin } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { isKnown, sameHead, type Head } from './epoch.ts'
import {
  begun,
  headOf,
  position as positionFrame,
  settled as settledFrame,
  tick,
  type Frame,
  type Said,
} from './frames.ts'
import { readChanges, type Changes, type From } from './read-changes.ts'
import type { Reader, Readers } from './readers.ts'
import type { Replica } from './replica.ts'
import type { SharedChanges } from './shared-changes.ts'

export type Parts<Tables, Update> = Changes<Tables, Update> & {
  readonly clock: Clock
  readonly elapsedMs: () => number
  /** For how long a tick is good. */
  readonly leaseMs: number
  readonly readers: Readers
  readonly replica: Replica<Tables>
  readonly shared: SharedChanges<Tables, Update>
  /** The epoch before which nobody can act on anything any more. */
  readonly settled: () => bigint
  /** Rung when the feed has changed or was settled further, and when the replica's beat is there. */
  readonly bells: Set<Doorbell>
  /** How far the feed has come, read after it was asked. */
  readonly readHead: () => Promise<Head>
}

/** Rings may be lost; whoever reads asks four times as often as this. */
const LOOK_EVERY_MS = 1_000

/**
 * One reader's stream: what it asks is heard beside what it is told.
 *
 * A tick answers the ask that had arrived before the database was read, and says that all that had committed by then
 * has been sent. Nothing is remembered here of what is told: it is read for each reader when it is due.
 */
export async function* converse<Tables, Update>(
  parts: Parts<Tables, Update>,
  requests: AsyncIterable<{ readonly said: Said }>,
  signal: AbortSignal,
): AsyncGenerator<{ update: Update | Frame }> {
  const said = requests[Symbol.asyncIterator]()
  const begin = await firstOf(said)
  const reader = parts.readers.enter(begin.reader)
  const hearing = new Hearing(reader, parts)
  const stop = AbortSignal.any([signal, hearing.ended])
  void hearing.listen(said)
  parts.bells.add(hearing.bell)
  try {
    yield* tell({ parts, reader, hearing }, begin, stop)
    if (hearing.failure) throw hearing.failure
  } finally {
    parts.bells.delete(hearing.bell)
    parts.readers.leave(reader)
  }
}

type Talk<Tables, Update> = {
  readonly parts: Parts<Tables, Update>
  readonly reader: Reader
  readonly hearing: Hearing
}

async function* tell<Tables, Update>(
  { parts, reader, hearing }: Talk<Tables, Update>,
  begin: Begin,
  stop: AbortSignal,
): AsyncGenerator<{ update: Update | Frame }> {
  const { replica, clock, db, feed, leaseMs } = parts
  const held = begin.position && headOf(begin.position)
  let position = held && (await isKnown(db, feed, held)) ? held : undefined
  yield { update: begun(position === undefined) }
  let isWhole = false
  let ticked = 0n
  let toldSettled = 0n
  while (!stop.aborted) {
    const { number, atMs } = hearing.asked
    const { beat } = replica
    const answers = isWhole && number > ticked // before all is there, nothing is vouched for
    if (answers) reader.hold(atMs)
    const head = await parts.readHead()
    if (!isWhole || !position || !sameHead(head, position)) {
      position = yield* changesSince(parts, { position, isFirst: !isWhole }, stop)
      if (!position) return
      reader.sends(position)
      yield { update: positionFrame(position) }
    }
    if (answers && replica.isGood(beat)) {
      ticked = number
      yield { update: tick(number, leaseMs) }
    }
    const settled = parts.settled()
    if (settled !== toldSettled) {
      toldSettled = settled
      yield { update: settledFrame(settled) }
    }
    if (isWhole) await hearing.bell.wait(clock, LOOK_EVERY_MS, stop)
    isWhole = true
  }
}

/** With all the readers that stand there too, where that goes. */
async function* changesSince<Tables, Update>(
  parts: Parts<Tables, Update>,
  from: From,
  stop: AbortSignal,
): AsyncGenerator<{ update: Update }, Head | undefined> {
  const few = from.isFirst || !from.position ? undefined : await parts.shared.since(from.position)
  if (!few) return yield* readChanges(parts, from, stop)
  for (const update of few.updates) yield { update }
  return few.head
}

async function firstOf(said: AsyncIterator<{ readonly said: Said }>): Promise<Begin> {
  const first = await said.next()
  if (!first.done && first.value.said.case === 'begin') return first.value.said.value
  throw new ConnectError('a reader of a feed says first what it begins with', Code.InvalidArgument)
}

type HearingParts = { readonly elapsedMs: () => number; readonly replica: { ring(): void } }

/** What a reader says: its last ask, and when that arrived; what it acknowledges reaches the replica at once. */
class Hearing {
  readonly bell = new Doorbell()
  asked = { number: 0n, atMs: 0 }
  failure: Error | undefined
  readonly #reader: Reader
  readonly #parts: HearingParts
  readonly #ended = new AbortController()

  constructor(reader: Reader, parts: HearingParts) {
    this.#reader = reader
    this.#parts = parts
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** Never rejects: what went wrong is in `failure` when it has ended. */
  async listen(said: AsyncIterator<{ readonly said: Said }>): Promise<void> {
    try {
      for (let next = await said.next(); !next.done; next = await said.next()) this.#hear(next.value.said)
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error('what a reader says cannot be read', { cause: error })
    } finally {
      this.#ended.abort()
    }
  }

  #hear(said: Said): void {
    if (said.case !== 'ask') throw new ConnectError('a reader begins once, and asks then', Code.InvalidArgument)
    const { number, position } = said.value
    if (number <= this.asked.number) throw new ConnectError('asks are numbered 1, 2, 3 …', Code.InvalidArgument)
    const before = this.#reader.acknowledged
    if (position && !this.#reader.acknowledge(headOf(position)))
      throw new ConnectError('what is acknowledged was not told on this stream', Code.InvalidArgument)
    this.asked = { number, atMs: this.#parts.elapsedMs() }
    if (!sameHead(before, this.#reader.acknowledged)) this.#parts.replica.ring() // else nothing more can be promised
    this.bell.ring()
  }
}
