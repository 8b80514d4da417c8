import type { Clock } from '@powernode/clock'
import { inTransaction, type Db, type Tx } from '@powernode/postgres'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import type { JsMsg } from 'nats'
import { ownEvent, refuseOutlived, verify } from './authenticate.ts'
import { bury, buryAmongFew, isHandled, receive, type DeadLetter } from './inbox.ts'
import { DOUBTS, Unverified } from './judge.ts'
import { eventIdOf, readEvent, readPayload, Unreadable } from './letter.ts'
import type { SigningIdentity } from './signing-identity.ts'
import type { RawSubscription, Subscription } from './subscription.ts'

export type DeliverDeps<DB> = {
  readonly db: Db<DB>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** By whom to judge what is heard, as it is now. */
  readonly bus: { identity(): SigningIdentity }
}

/** Forged letters that are kept of each consumer, and of each its first bytes: enough to look at, too few to hurt. */
const MOST_FORGED = 1_000
const FORGED_BYTES = 65_536
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
    const { isFresh, missing } = await handle(deps, row, msg)
    msg.ack()
    if (missing !== undefined) reportMissing(deps, row, missing)
    return { word: isFresh ? 'ok' : 'repeat' }
  } catch (error) {
    const reason = reasonOfRefusal(error)
    if (reason === undefined) return rest(msg, error)
    const detail = error instanceof Error ? error.message : String(error)
    const letter = { ...letterOf(msg), consumer: row.consumer, reason, detail }
    try {
      if (!(error instanceof Unverified)) await layAside(deps, letter)
      else if (await isRepeat(deps, letter)) return repeat(msg)
      else await layAsideForged(deps, { ...letter, letterId: placeOf(msg) }, error)
    } catch (fault) {
      return rest(msg, fault)
    }
    msg.term()
    return { word: 'refused', reason, error }
  }
}

type Handled = {
  /** False: handled before. */
  readonly isFresh: boolean
  /** What was published before it and is not here, though this row hears everything in order. */
  readonly missing?: string | undefined
}

async function handle<DB>(
  deps: DeliverDeps<DB>,
  row: Subscription<DB> | RawSubscription<DB>,
  msg: JsMsg,
): Promise<Handled> {
  const { db, clock } = deps
  const verdict = verify(deps, row, msg)
  const event = ownEvent(readEvent(msg.data), row)
  const payload = 'event' in row ? readPayload(event, row.event) : event
  return inTransaction(db, async (tx: Tx<DB>) => {
    const now = clock.now()
    if (!(await receive(tx, { consumer: row.consumer, eventId: event.id, now, signedAt: verdict.signedAt })))
      return { isFresh: false }
    await refuseOutlived(tx, verdict, { consumer: row.consumer, eventId: event.id })
    await row.handle(tx, now, payload as never, event) // `payload` was read as the type that this very row names
    const { after } = verdict
    const follows = after === undefined || !('inOrder' in row) || (await isHandled(tx, row.consumer, after))
    return { isFresh: true, missing: follows ? undefined : after }
  })
}

/** Nothing is held up by it: what is missing may lie among the dead letters, and else NATS has it and does not hand it over. */
function reportMissing<DB>({ logger, metrics }: DeliverDeps<DB>, { consumer, stream }: Row, eventId: string): void {
  const help = 'Events that their service published, and that did not arrive in their turn'
  metrics.counter('fed_events_missing_total', help, ['consumer']).inc({ consumer })
  logger.error({ consumer, stream, event_id: eventId }, 'an event that was published before this one is not here')
}

type Row = { readonly consumer: string; readonly stream: string }

/** What was handled once is a repeat, though nobody would believe it any more: filled-in streams bring old signatures. */
async function isRepeat<DB>({ db }: DeliverDeps<DB>, { consumer, message }: DeadLetter): Promise<boolean> {
  const eventId = eventIdOf(message)
  return eventId !== undefined && inTransaction(db, (tx: Tx<DB>) => isHandled(tx, consumer, eventId))
}

function repeat(msg: JsMsg): Outcome {
  msg.ack()
  return { word: 'repeat' }
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

/** Under the place it lay at, not under the id it claims: a forger MUST NOT take the place of a letter to come. */
async function layAsideForged<DB>(
  { db, clock, metrics }: DeliverDeps<DB>,
  letter: DeadLetter,
  { reason }: Unverified,
): Promise<void> {
  const { consumer, message } = letter
  const kept = { ...letter, message: message.subarray(0, FORGED_BYTES) }
  await inTransaction(db, (tx: Tx<DB>) =>
    buryAmongFew(tx, kept, { now: clock.now(), reasons: DOUBTS, most: MOST_FORGED }),
  )
  metrics
    .counter('fed_events_unverified_total', 'Messages that their service did not send', ['consumer', 'reason'])
    .inc({ consumer, reason })
}

function letterOf(msg: JsMsg): Pick<DeadLetter, 'letterId' | 'subject' | 'message'> {
  return { letterId: messageId(msg) ?? placeOf(msg), subject: msg.subject, message: msg.data }
}

function placeOf(msg: JsMsg): string {
  const { stream, timestampNanos } = msg.info
  return `${stream}/${msg.seq}@${timestampNanos}`
}

function messageId(msg: JsMsg): string | undefined {
  return msg.headers?.get('Nats-Msg-Id').split('/')[0] || undefined
}

/** A refusal is known by its name and reason, so that hearing needs nothing of the lib that asks and answers. */
function reasonOfRefusal(error: unknown): string | undefined {
  if (error instanceof Unreadable || error instanceof Unverified) return error.reason
  if (error instanceof Error && error.name === 'Refusal' && 'reason' in error) return String(error.reason)
  return undefined
}
