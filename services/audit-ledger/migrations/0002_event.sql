-- breaking: no

-- What operators see: recent_events. Shown for 90 days, critical events for 365, and swept a while after.
-- Positions are drawn under one lock, so they become visible in their order: a page of the past never changes.
create table event (
  position bigint generated always as identity primary key,
  id uuid not null unique,
  kind text not null,
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  source text not null,
  peer_id text not null,
  actor text not null,
  at timestamptz not null,
  correlation_id text not null,
  payload jsonb not null
);
create index event_by_kind on event (kind text_pattern_ops, position);
create index event_by_peer on event (peer_id, position);
create index event_by_severity on event (severity, position);
create index event_running_out on event (severity, at);

create table inbox (
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

create table outbox (
  position bigint generated always as identity primary key,
  id uuid not null unique,
  subject text not null check (subject ~ '^fed(\.[A-Za-z0-9_-]+){3}$'),
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

-- Events of the feed run out; until then they stand.
create trigger event_unchangeable before update or truncate on event
  for each statement execute function refuse_change();

grant select, insert on inbox, dead_letter to audit_ledger;
grant select, insert, delete on event to audit_ledger;
grant select, insert, update, delete on outbox to audit_ledger;
grant select, insert, update on outbox_stream to audit_ledger;
