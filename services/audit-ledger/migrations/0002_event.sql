-- breaking: no

-- What operators see: recent_events. Kept 90 days, critical events 365.
-- Positions are drawn under one lock, so they become visible in their order.
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
create index event_by_at on event (at);
create index event_running_out on event (severity, at);

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamptz not null,
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

-- Events of the feed run out; until then they stand.
create trigger event_unchangeable before update or truncate on event
  for each statement execute function refuse_change();

grant select, insert on inbox, dead_letter to audit_ledger;
grant select, insert, delete on event to audit_ledger;
