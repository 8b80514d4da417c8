import { backoffMs } from '@powernode/clock'
import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  ReplayPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  type NatsConnection,
} from 'nats'
import type { Bus } from './bus.ts'
import { deliver, type DeliverDeps } from './deliver.ts'
import type { RawSubscription, Subscription } from './subscription.ts'

export type ConsumeDeps<DB> = DeliverDeps<DB> & { readonly bus: Bus }

/** Handed over ahead of the one at work. Few, because what a killed process held rests until `ACK_WAIT_MS` has passed. */
const AHEAD = 32
const ACK_WAIT_MS = 10_000
const MAX_ACK_PENDING = 1_000
const PULL_EXPIRES_MS = 10_000
const HEARTBEAT_MS = 1_000
const RETRY = { firstMs: 50, mostMs: 1_000 }

/**
 * Handles a subscription's events, one after the other, until told to stop.
 *
 * Makes its durable consumer whenever that is missing, from the first event on: a stream that was wiped, filled again or
 * deleted is heard from the start, and the receipts drop what was handled before. Waits while NATS or the stream is away.
 */
export async function consume<DB>(
  deps: ConsumeDeps<DB>,
  subscription: Subscription<DB> | RawSubscription<DB>,
  signal: AbortSignal,
): Promise<void> {
  const { bus, clock, logger } = deps
  for (let attempt = 1; !signal.aborted; attempt++) {
    const connection = await bus.connection(signal)
    if (!connection) return
    try {
      await follow(deps, { row: subscription, connection, onHeard: () => (attempt = 0) }, signal)
    } catch (error) {
      const { consumer, stream } = subscription
      logger.warn({ task: 'consume', consumer, stream, attempt, error }, 'cannot hear the stream yet')
    }
    await clock.sleep(backoffMs(attempt, RETRY), signal)
  }
}

type Following<DB> = {
  readonly row: Subscription<DB> | RawSubscription<DB>
  readonly connection: NatsConnection
  readonly onHeard: () => void
}

/** Hears until the connection was lost, the stream or consumer went away, or `signal` aborts. */
async function follow<DB>(
  deps: ConsumeDeps<DB>,
  { row, connection, onHeard }: Following<DB>,
  signal: AbortSignal,
): Promise<void> {
  const messages = await pull(row, connection)
  let stopping = false
  const stop = () => {
    stopping = true
    void messages.close()
  }
  // After a reconnection the server may be another one, or the same without its disk: ask it for our consumer anew.
  const forget = deps.bus.onConnected(stop)
  void connection.closed().then(stop)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    for await (const msg of messages) {
      if (stopping)
        msg.nak() // to us again, or at once to another replica
      else await deliver(deps, row, msg)
      onHeard()
    }
  } finally {
    forget()
    signal.removeEventListener('abort', stop)
  }
}

/** Makes the durable consumer, or finds it, and begins to ask for its messages. */
async function pull<DB>(
  row: Subscription<DB> | RawSubscription<DB>,
  connection: NatsConnection,
): Promise<ConsumerMessages> {
  const jsm = await connection.jetstreamManager({ checkAPI: false })
  await jsm.consumers.add(row.stream, durable(row))
  const consumer = await connection.jetstream().consumers.get(row.stream, row.consumer)
  return consumer.consume({
    max_messages: AHEAD,
    expires: PULL_EXPIRES_MS,
    idle_heartbeat: HEARTBEAT_MS,
    abort_on_missing_resource: true,
  })
}

function durable<DB>({ consumer, subject }: Subscription<DB> | RawSubscription<DB>): Partial<ConsumerConfig> {
  return {
    durable_name: consumer,
    ...(subject !== undefined && { filter_subject: subject }),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: MAX_ACK_PENDING,
    max_deliver: -1,
  }
}
