/**
 * The tables of a service that announces events: copied, as they stand, into its migrations.
 *
 * `position` orders the queue. Published rows stay for a while (`published_at`), so that a JetStream that lost its disk
 * is filled again from here; `outbox_stream` remembers which stream they went to, to notice that it is another one.
 * Each event names the one published before it (`last_event`). `signed_by` is the serial of the certificate that a published row was signed with, `signed_under` the root above it:
 * when either is trusted no more, the row is published again, signed anew.
 * The service's role needs SELECT, INSERT, UPDATE, DELETE on `outbox` and SELECT, INSERT, UPDATE on `outbox_stream`.
 */
export const OUTBOX_SQL = `create table outbox (
  position bigint generated always as identity primary key,
  id uuid not null unique,
  subject text not null check (subject ~ '^fed(\\.[A-Za-z0-9_-]+){3}$'),
  event bytea not null,
  queued_at timestamptz not null,
  published_at timestamptz,
  signed_by text,
  signed_under text
);
create index outbox_waiting on outbox (position) where published_at is null;
create index outbox_kept on outbox (published_at) where published_at is not null;

create table outbox_stream (
  stream text primary key,
  created text not null,
  last_sequence bigint not null,
  last_event uuid
);
`

/**
 * The tables of a service that hears events: copied, as they stand, into its migrations.
 *
 * A receipt says that a consumer's effect of an event is committed, and when the event was signed. What was refused or could not be read lies in
 * `dead_letter` for a person. The service's role needs SELECT and INSERT on both, and DELETE on `inbox` if it runs `sweepReceipts`.
 */
export const INBOX_SQL = `create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamptz not null,
  signed_at timestamptz not null,
  primary key (consumer, event_id)
);
create index inbox_handled_at on inbox (handled_at);

create table dead_letter (
  consumer text not null,
  letter_id text not null,
  subject text not null,
  reason text not null,
  detail text not null,
  message bytea not null,
  buried_at timestamptz not null,
  primary key (consumer, letter_id)
);
`
