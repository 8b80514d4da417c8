import type { Clock } from '@powernode/clock'
import { inTransaction, type Db, type Tx } from '@powernode/postgres'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import type { JsMsg } from 'nats'
import { bury, receive, type DeadLetter } from './inbox.ts'
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
  row: Subscription<DB> | RawSubscription<DB>,
  msg: JsMsg,
): Promise<void> {
  const ms = elapsed()
  const { consumer } = row
  const { word, reason, error } = await settle(deps, row, msg)
  deps.metrics
    .counter('fed_events_handled_total', 'Deliveries of events, by how they ended', ['consumer', 'outcome'])
    .inc({ consumer, outcome: word })
  const attempt = msg.info.deliveryCount
  const line = { consumer, subject: msg.subject, event_id: messageId(msg), attempt, ms: ms() }
  if (word === 'ok' || word === 'repeat') deps.logger.info({ ...line, outcome: word }, 'event')
  else deps.logger.warn({ ...line, outcome: reason ?? word, error }, 'event')
}

async function settle<DB>(
  deps: DeliverDeps<DB>,
  row: Subscription<DB> | RawSubscription<DB>,
  msg: JsMsg,
): Promise<Outcome> {
  try {
    const handled = await handle(deps, row, msg.data)
    msg.ack()
    return { word: handled ? 'ok' : 'repeat' }
  } catch (error) {
    const reason = reasonOfRefusal(error)
    if (reason === undefined) return rest(msg, error)
    const detail = error instanceof Error ? error.message : String(error)
    try {
      await layAside(deps, { ...letterOf(msg), consumer: row.consumer, reason, detail })
    } catch (fault) {
      return rest(msg, fault)
    }
    msg.term()
    return { word: 'refused', reason, error }
  }
}

/** False: handled before. */
async function handle<DB>(
  { db, clock }: DeliverDeps<DB>,
  row: Subscription<DB> | RawSubscription<DB>,
  data: Uint8Array,
): Promise<boolean> {
  const event = readEvent(data)
  const payload = 'event' in row ? readPayload(event, row.event) : event
  return inTransaction(db, async (tx: Tx<DB>) => {
    const now = clock.now()
    if (!(await receive(tx, { consumer: row.consumer, eventId: event.id, now }))) return false
    await row.handle(tx, now, payload as never, event) // `payload` was read as the type that this very row names
    return true
  })
}

function rest(msg: JsMsg, error: unknown): Outcome {
  msg.nak(REST_MS[Math.min(msg.info.deliveryCount, REST_MS.length) - 1] ?? REST_MS[0])
  return { word: 'fault', error }
}

async function layAside<DB>({ db, clock, metrics }: DeliverDeps<DB>, letter: DeadLetter): Promise<void> {
  await inTransaction(db, (tx: Tx<DB>) => bury(tx, letter, clock.now()))
  metrics
    .counter('fed_dead_letters_total', 'Events laid aside for a person', ['consumer'])
    .inc({ consumer: letter.consumer })
}

function letterOf(msg: JsMsg): Pick<DeadLetter, 'letterId' | 'subject' | 'message'> {
  const { stream, timestampNanos } = msg.info
  return {
    letterId: messageId(msg) ?? `${stream}/${msg.seq}@${timestampNanos}`,
    subject: msg.subject,
    message: msg.data,
  }
}

function messageId(msg: JsMsg): string | undefined {
  return msg.headers?.get('Nats-Msg-Id') || undefined
}

/** A refusal is known by its name and reason, so that hearing needs nothing of the lib that asks and answers. */
function reasonOfRefusal(error: unknown): string | undefined {
  if (error instanceof Unreadable) return error.reason
  if (error instanceof Error && error.name === 'Refusal' && 'reason' in error) return String(error.reason)
  return undefined
}
