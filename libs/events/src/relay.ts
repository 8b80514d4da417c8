import { backoffMs, Doorbell, type Clock } from '@powernode/clock'
import type { Db, Listener } from '@powernode/postgres'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import type { NatsConnection } from 'nats'
import { outboxChannel } from './append.ts'
import type { Bus } from './bus.ts'
import { checkStream, relayBatch, sayAgainDoubted, type Source } from './relay-batch.ts'
import type { Standing } from './signer.ts'
import type { StreamName } from './streams.ts'

export type RelayDeps<DB> = {
  readonly db: Db<DB>
  readonly listener: Listener
  readonly schema: string
  readonly stream: StreamName
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Seven days unless said otherwise: how long JetStream may be gone, disk and all, without a loss. */
  readonly retentionMs?: number
  readonly replicas?: number
}

const RETENTION_MS = 7 * 86_400_000
const SLOW_TIMER_MS = 5_000
const RETRY = { firstMs: 100, mostMs: 5_000 }

/**
 * Publishes what the schema's outbox holds, oldest first, until told to stop.
 *
 * Woken by the commit of an `append`; a slow timer looks as well, so a lost wake-up costs seconds and never an event.
 * Several replicas may run it: the schema's lock lets one publish at a time. While NATS is away it waits, holding nothing.
 */
export async function relay<DB>(deps: RelayDeps<DB>, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(outboxChannel(deps.schema), () => bell.ring(), stop),
    (stop) => publishAll(deps, bell, stop),
  ])
}

async function publishAll<DB>(deps: RelayDeps<DB>, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { bus, clock, logger, stream } = deps
  const drained = deps.metrics.gauge(
    'fed_outbox_drained_timestamp_seconds',
    'When nothing waited to be announced, last; it stands still while NATS takes nothing',
  )
  let streamIsKnown = false
  let trusted: Standing | undefined
  const forget = bus.onConnected(() => {
    streamIsKnown = false
    bell.ring()
  })
  try {
    for (let attempt = 0; !signal.aborted;) {
      const connection = await bus.connection(signal)
      if (!connection) return
      try {
        const { standing } = bus.identity()
        if (!streamIsKnown) {
          streamIsKnown = true // before the look, so that a reconnection during it asks for another
          await lookAtStream(deps, connection)
        }
        if (standing !== trusted && (await sayAgain(deps, standing))) trusted = standing
        streamIsKnown = (await publishWaiting(deps, connection, signal)) && streamIsKnown
        attempt = 0
        drained.set(clock.now().getTime() / 1_000)
        if (streamIsKnown && !(await bell.wait(clock, SLOW_TIMER_MS, signal))) streamIsKnown = false
      } catch (error) {
        streamIsKnown = false
        const retryMs = backoffMs(++attempt, RETRY)
        logger.warn({ task: 'relay', stream, attempt, retry_in_ms: retryMs, error }, 'events wait in the outbox')
        await clock.sleep(retryMs, signal)
      }
    }
  } finally {
    forget()
  }
}

/** False: another replica is at it, so that this has to be looked at again. */
async function sayAgain<DB>({ db, logger, metrics, stream }: RelayDeps<DB>, standing: Standing): Promise<boolean> {
  const count = await sayAgainDoubted({ db, stream }, standing)
  if (!count) return count !== undefined
  metrics
    .counter('fed_outbox_signed_again_total', 'Events queued again because their signature is trusted no more')
    .inc(count)
  logger.warn({ task: 'relay', stream, count }, 'what was signed with a certificate that is out is signed anew')
  return true
}

async function lookAtStream<DB>(deps: RelayDeps<DB>, connection: NatsConnection): Promise<void> {
  const { logger, metrics, stream } = deps
  const count = await checkStream(sourceOf(deps), connection)
  if (count === 0) return
  metrics.counter('fed_outbox_refilled_total', 'Events queued again because JetStream had lost them').inc(count)
  logger.warn(
    { task: 'relay', stream, count },
    'the stream is not the one we filled: publishing again all that is kept',
  )
}

/** Publishes until nothing waits. False: the stream has to be looked at before the next one. */
async function publishWaiting<DB>(
  deps: RelayDeps<DB>,
  connection: NatsConnection,
  signal: AbortSignal,
): Promise<boolean> {
  const published = deps.metrics.counter('fed_events_published_total', 'Events handed to JetStream')
  const js = connection.jetstream()
  for (;;) {
    if (signal.aborted || !deps.bus.isConnected()) return false
    const batch = await relayBatch(sourceOf(deps), js, deps.bus.identity().signer)
    published.inc(batch.published)
    if (batch.fault !== undefined) throw new Error('publishing what waits in the outbox', { cause: batch.fault })
    if (batch.streamIsAnother) return false
    if (!batch.more) return true
  }
}

function sourceOf<DB>({ db, clock, stream, replicas, retentionMs = RETENTION_MS }: RelayDeps<DB>): Source<DB> {
  return { db, clock, stream, replicas, retentionMs }
}
