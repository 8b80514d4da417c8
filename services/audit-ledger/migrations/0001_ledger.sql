-- breaking: no

-- One log per peer, and one named 'platform' for what concerns none.
create table log (
  name text primary key check (length(name) between 1 and 128),
  opened_at timestamptz not null
);

-- What happened, in an order nobody can change: entry n stands on the hash of entry n - 1.
-- `canonical` is the entry as RFC 8785 JSON; the other columns say the same for queries.
create table entry (
  log text not null references log (name),
  sequence bigint not null check (sequence >= 1),
  action text not null,
  at timestamptz not null,
  actor text not null,
  payload jsonb not null,
  event_id uuid not null unique,
  correlation_id text not null,
  canonical bytea not null check (length(canonical) <= 65535),
  previous_hash bytea not null check (length(previous_hash) = 32),
  hash bytea not null,
  primary key (log, sequence),
  constraint entry_stands_on_one_other unique (log, previous_hash),
  constraint entry_hash_is_right check (hash = sha256(previous_hash || canonical))
);

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

-- An entry is appended to the end of its log, and nowhere else.
create function append_only_at_the_end() returns trigger language plpgsql set search_path = audit_ledger, pg_temp as $$
declare
  before bytea;
begin
  select hash into before from entry where log = new.log and sequence = new.sequence - 1;
  if new.previous_hash is distinct from (case when new.sequence = 1 then decode(repeat('00', 32), 'hex') else before end) then
    raise exception 'entry % of log % does not stand on entry %', new.sequence, new.log, new.sequence - 1
      using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger entry_appended before insert on entry for each row execute function append_only_at_the_end();

-- Nobody rewrites the past, the owner of the tables neither.
create function refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '% of % is refused: what happened stays written', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger entry_unchangeable before update or delete or truncate on entry
  for each statement execute function refuse_change();
create trigger log_unchangeable before update or delete or truncate on log
  for each statement execute function refuse_change();
-- Events of the feed run out; until then they stand.
create trigger event_unchangeable before update or truncate on event
  for each statement execute function refuse_change();

grant usage on schema audit_ledger to audit_ledger;
grant select, insert on log, entry, inbox, dead_letter to audit_ledger;
grant select, insert, delete on event to audit_ledger;
