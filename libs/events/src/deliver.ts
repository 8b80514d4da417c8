import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import type { JsMsg } from 'nats'
import { bury, receive } from './inbox.ts'
import { readEvent, readPayload, Unreadable } from './letter.ts'
import type { RawSubscription, Subscription } from './subscription.ts'

export type DeliverDeps<DB> = {
  readonly db: Db<DB>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** How long a delivery that met a fault rests, by how often it was delivered. */
const REST_MS = [100, 500, 2_000, 5_000, 15_000, 60_000] as const

type Outcome = {
  readonly word: 'ok' | 'repeat' | 'refused' | 'fault'
  readonly reason?: string
  readonly error?: unknown
}

/**
 * Handles a delivery so that its effect and its receipt commit together, however often it arrives.
 *
 * Acknowledged after the commit. A fault is delivered again, ever later; what was refused or cannot be read is buried and
 * never delivered again, because retrying what cannot succeed helps nobody and hides it.
 */
export async function deliver<DB>(
  deps: DeliverDeps<DB>,
  subscription: Subscription<DB> | RawSubscription<DB>,
  msg: JsMsg,
): Promise<void> {
  const ms = elapsed()
  const { consumer } = subscription
  const outcome = await settle(deps, subscription, msg)
  deps.metrics
    .counter('events_handled_total', 'Deliveries of events, by how they ended', ['consumer', 'outcome'])
    .inc({ consumer, outcome: outcome.word })
  const { reason, error } = outcome
  const line = {
    consumer,
    subject: msg.subject,
    event_id: msg.headers?.get('Nats-Msg-Id'),
    ms: ms(),
    attempt: msg.info.deliveryCount,
  }
  if (outcome.word === 'ok' || outcome.word === 'repeat') deps.logger.info({ ...line, outcome: outcome.word }, 'event')
  else deps.logger.warn({ ...line, outcome: reason ?? outcome.word, error }, 'event')
}

async function settle<DB>(
  deps: DeliverDeps<DB>,
  subscription: Subscription<DB> | RawSubscription<DB>,
  msg: JsMsg,
): Promise<Outcome> {
  try {
    const handled = await handle(deps, subscription, msg)
    msg.ack()
    return { word: handled ? 'ok' : 'repeat' }
  } catch (error) {
    const reason = reasonOfRefusal(error)
    if (reason === undefined) return rest(msg, error)
    try {
      await layAside(deps, subscription.consumer, msg, reason, error)
    } catch (fault) {
      return rest(msg, fault)
    }
    msg.term()
    return { word: 'refused', reason, error }
  }
}

async function handle<DB>(
  { db, clock }: DeliverDeps<DB>,
  subscription: Subscription<DB> | RawSubscription<DB>,
  msg: JsMsg,
): Promise<boolean> {
  const event = readEvent(msg.data)
  const act =
    'event' in subscription
      ? bound(subscription, readPayload(event, subscription.event))
      : (tx: Parameters<RawSubscription<DB>['handle']>[0], now: Date) => subscription.handle(tx, now, event)
  return inTransaction(db, async (tx) => {
    const now = clock.now()
    if (!(await receive(tx, subscription.consumer, event.id, now))) return false
    await act(tx, now)
    return true
  })

  function bound(row: Subscription<DB>, payload: ReturnType<typeof readPayload>) {
    return (tx: Parameters<typeof row.handle>[0], now: Date) => row.handle(tx, now, payload, event)
  }
}

function rest(msg: JsMsg, error: unknown): Outcome {
  msg.nak(REST_MS[Math.min(msg.info.deliveryCount, REST_MS.length) - 1] ?? REST_MS[0])
  return { word: 'fault', error }
}

async function layAside<DB>(
  { db, clock, metrics }: DeliverDeps<DB>,
  consumer: string,
  msg: JsMsg,
  reason: string,
  error: unknown,
): Promise<void> {
  const letterId = msg.headers?.get('Nats-Msg-Id') || `${msg.info.stream}/${msg.seq}@${msg.info.timestampNanos}`
  const detail = error instanceof Error ? error.message : String(error)
  const letter = { consumer, letterId, subject: msg.subject, reason, detail, message: msg.data }
  await inTransaction(db, (tx) => bury(tx, letter, clock.now()))
  metrics.counter('dead_letters_total', 'Events laid aside for a person', ['consumer']).inc({ consumer })
}

/** A refusal is known by its name and reason, so that hearing needs nothing of the lib that asks and answers. */
function reasonOfRefusal(error: unknown): string | undefined {
  if (error instanceof Unreadable) return error.reason
  if (error instanceof Error && error.name === 'Refusal' && 'reason' in error) return String(error.reason)
  return undefined
}
