import { create, toBinary, type Message } from '@bufbuild/protobuf'
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { newId, type Tx } from '@powernode/postgres'
import { EventSchema, Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { eventRegistry } from '@powernode/proto/registry.ts'
import { sql } from 'kysely'
import { sourceOf, type Noun } from './streams.ts'

/** What happened, said once, in the past tense. */
export type Announcement = {
  /** With `word` and `id` the subject: `fed.<noun>.<word>.<id>`. */
  readonly noun: Noun
  readonly word: string
  readonly id: string
  /** What operators read: `federation.<noun>.<word>`, dashes as underscores, unless the source documents say otherwise. */
  readonly kind?: string | undefined
  /** Low unless said otherwise. */
  readonly severity?: 'low' | 'medium' | 'high' | 'critical' | undefined
  readonly peerId?: string | undefined
  /** Who caused it: `operator/<name>`, `service/<name>`, `peer/<peer id>`. */
  readonly actor: string
  readonly at: Date
  /** MUST be of a type in `eventRegistry`, and MUST NOT hold a secret: the ledger keeps it for ever. */
  readonly payload: Message
  readonly correlationId?: string | undefined
  readonly traceparent?: string | undefined
}

/** Safely below what NATS takes (1 MB with headers): one that it refuses would block all that wait behind it. */
const LARGEST_EVENT = 900_000

/**
 * Queues an event in the caller's transaction: it is published if, and only if, that commits.
 *
 * Take the row lock of what the event is about first: then the events of one thing are queued in the order they happened.
 * The relay is woken by the commit itself. Returns the event's id.
 */
export async function append<DB>(tx: Tx<DB>, announcement: Announcement): Promise<string> {
  const { eventId, subject, event, at } = toQueue(announcement)
  await sql`
    with queued as (
      insert into outbox (id, subject, event, queued_at) values (${eventId}, ${subject}, ${event}, ${at})
      returning 1
    )
    select pg_notify(current_schema() || '_outbox', '') from queued`.execute(tx)
  return eventId
}

/** As `append`, for many at once and in their order: a sweep that has news of thousands makes one statement of it. */
export async function appendAll<DB>(tx: Tx<DB>, announcements: readonly Announcement[]): Promise<void> {
  if (announcements.length === 0) return
  const rows = announcements.map(toQueue)
  const [ids, subjects, events, moments] = [
    rows.map(({ eventId }) => eventId),
    rows.map(({ subject }) => subject),
    rows.map(({ event }) => Buffer.from(event.buffer, event.byteOffset, event.byteLength)),
    rows.map(({ at }) => at.toISOString()),
  ]
  await sql`
    with queued as (
      insert into outbox (id, subject, event, queued_at)
      select id, subject, event, queued_at
      from unnest(${ids}::uuid[], ${subjects}::text[], ${events}::bytea[], ${moments}::timestamptz[])
        with ordinality as said (id, subject, event, queued_at, place)
      order by place
      returning 1
    )
    select pg_notify(current_schema() || '_outbox', '') where exists (select 1 from queued)`.execute(tx)
}

/** The channel on which the commit of an `append` is heard. */
export function outboxChannel(schema: string): string {
  return `${schema}_outbox`
}

function toQueue(announcement: Announcement) {
  const { noun, word, id, at } = announcement
  const eventId = newId(at)
  const subject = `fed.${noun}.${word}.${id}`
  const event = toBinary(EventSchema, toEvent(eventId, announcement))
  if (event.length > LARGEST_EVENT) throw new Error(`${subject}: an event of ${event.length} bytes cannot be published`)
  return { eventId, subject, event, at }
}

function toEvent(eventId: string, said: Announcement) {
  const type = eventRegistry.getMessage(said.payload.$typeName)
  if (!type) throw new Error(`${said.payload.$typeName} is not a message of any events.proto`)
  return create(EventSchema, {
    id: eventId,
    kind: said.kind ?? `federation.${said.noun}.${said.word.replaceAll('-', '_')}`,
    severity: SEVERITIES[said.severity ?? 'low'],
    source: sourceOf(said.noun),
    peerId: said.peerId ?? '',
    actor: said.actor,
    at: timestampFromDate(said.at),
    correlationId: said.correlationId ?? '',
    traceparent: said.traceparent ?? '',
    payload: anyPack(type, said.payload),
  })
}

const SEVERITIES = {
  low: Severity.LOW,
  medium: Severity.MEDIUM,
  high: Severity.HIGH,
  critical: Severity.CRITICAL,
} as const
