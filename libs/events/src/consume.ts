import { backoffMs, patient } from '@powernode/clock'
import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  ReplayPolicy,
  type ConsumerConfig,
  NatsError,
  type ConsumerMessages,
  type JetStreamManager,
  type NatsConnection,
} from 'nats'
import type { Bus } from './bus.ts'
import { deliver, type DeliverDeps } from './deliver.ts'
import { isMissingStream } from './ensure-stream.ts'
import type { RawSubscription, Subscription } from './subscription.ts'

export type ConsumeDeps<DB> = DeliverDeps<DB> & { readonly bus: Bus }

/** Handed over ahead of the one at work. Few, because what a killed process held rests until `ACK_WAIT_MS` has passed. */
const AHEAD = 32
const ACK_WAIT_MS = 10_000
const MAX_ACK_PENDING = 1_000
/** In order, one rests at a time and nothing waits behind it in our hands: this is how long a kill delays the rest. */
const IN_ORDER_ACK_WAIT_MS = 2_000
/** A durable consumer is there with another configuration. */
const CONSUMER_EXISTS = 10148
/** Attempts to find a stream that is not there, one a second: who waits says so at once, and then about once a minute. */
const SAID_EVERY = 60
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
      const said = { task: 'consume', consumer, stream, attempt }
      if (!isMissingStream(error)) logger.warn({ ...said, error }, 'cannot hear the stream yet')
      else if (attempt === 1) logger.info(said, 'waits for the stream, which its service makes when it starts')
      else if (attempt % SAID_EVERY === 0) logger.warn(said, 'there is no such stream yet: does its service run?')
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
  await makeDurable(jsm, row)
  const consumer = await connection.jetstream().consumers.get(row.stream, row.consumer)
  return consumer.consume({
    max_messages: AHEAD,
    expires: patient(PULL_EXPIRES_MS),
    idle_heartbeat: patient(HEARTBEAT_MS),
    abort_on_missing_resource: true,
  })
}

/** Makes the consumer as it should be; one that an earlier release made is brought into line where it stands. */
async function makeDurable<DB>(jsm: JetStreamManager, row: Subscription<DB> | RawSubscription<DB>): Promise<void> {
  const wanted = durable(row)
  try {
    await jsm.consumers.add(row.stream, wanted)
  } catch (error) {
    if (!(error instanceof NatsError && error.api_error?.err_code === CONSUMER_EXISTS)) throw error
    const { ack_wait, max_ack_pending } = wanted
    await jsm.consumers.update(row.stream, row.consumer, { ack_wait, max_ack_pending })
  }
}

function durable<DB>(row: Subscription<DB> | RawSubscription<DB>) {
  const { consumer, subject } = row
  const inOrder = 'inOrder' in row && row.inOrder === true
  return {
    durable_name: consumer,
    ...(subject !== undefined && { filter_subject: subject }),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(patient(inOrder ? IN_ORDER_ACK_WAIT_MS : ACK_WAIT_MS)),
    max_ack_pending: inOrder ? 1 : MAX_ACK_PENDING,
    max_deliver: -1,
  } satisfies Partial<ConsumerConfig>
}
