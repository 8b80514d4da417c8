import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { Tx } from '@powernode/postgres'
import type { Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import type { Noun, StreamName } from './streams.ts'

/**
 * What a service does when it hears an event: a row, whose `handle` is a verb like any other.
 *
 * `consumer` is for ever: receipts are kept under it, so a renamed one handles everything again. `handle` runs in the
 * transaction of its receipt and may run twice when that is rolled back; it MUST touch nothing but `tx`.
 */
export type Subscription<DB, E extends DescMessage = DescMessage> = {
  /** `<service>--<what it does>`. */
  readonly consumer: string
  readonly stream: StreamName
  /** Which of the stream's events, for example `fed.peer.enrolled.*`. */
  readonly subject: `fed.${Noun}.${string}`
  /** The payload it expects; any other is buried. */
  readonly event: E
  handle(tx: Tx<DB>, now: Date, payload: MessageShape<E>, envelope: Event): Promise<unknown>
}

/** A subscription that takes every event of a stream as it is, whatever it carries. */
export type RawSubscription<DB> = {
  readonly consumer: string
  readonly stream: StreamName
  readonly subject?: `fed.${Noun}.${string}`
  /**
   * Handles each event only after the one before it, also across a crash and among replicas. Without it, what a killed
   * process had at hand is heard again after newer ones. The price: a fault holds up all that follow.
   */
  readonly inOrder?: true
  handle(tx: Tx<DB>, now: Date, event: Event): Promise<unknown>
}

/** Keeps a row's payload type while rows of several types stand in one list. */
export function subscription<DB, E extends DescMessage>(row: Subscription<DB, E>): Subscription<DB, E> {
  return row
}
