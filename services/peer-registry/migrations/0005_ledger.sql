-- breaking: no

-- The keys of our ledger, as the identity key endorsed them. Of two statements the later sequence counts; none is taken back.
create table ledger_keys (
  sequence bigint primary key check (sequence >= 1),
  log_public_key bytea not null check (length(log_public_key) = 32),
  witness_public_key bytea not null check (length(witness_public_key) = 32),
  -- The envelope, as it was signed.
  statement bytea not null,
  endorsed_at timestamptz not null
);

-- Alarms of audit-ledger that were acted upon: what an operator resumed is not suspended for the same alarm again.
create table heeded_alarm (
  alarm_id uuid primary key,
  peer_id uuid not null,
  outcome text not null check (outcome in ('suspended', 'left')),
  at timestamptz not null
);

grant select, insert on ledger_keys, heeded_alarm to peer_registry;
