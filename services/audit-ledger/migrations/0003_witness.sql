-- breaking: no

-- Our identity key's statement of the keys we sign with, as peer-registry made it. The newest counts.
create table endorsement (
  sequence bigint primary key check (sequence >= 1),
  log_public_key bytea not null check (length(log_public_key) = 32),
  witness_public_key bytea not null check (length(witness_public_key) = 32),
  -- Envelope of LedgerKeys.
  statement bytea not null,
  at timestamptz not null
);

-- With what peers sign: their identity keys' statements, verified. The newest of a peer counts, and an older one is refused.
create table peer_keys (
  peer_id uuid not null,
  sequence bigint not null check (sequence >= 1),
  trust_domain text not null,
  -- Of the peer's log about us.
  origin text not null check (length(origin) between 1 and 512),
  -- SHA-256 of it: how others ask for what we have witnessed (C2SP tlog-witness).
  origin_sha256 bytea not null check (length(origin_sha256) = 32),
  log_public_key bytea not null check (length(log_public_key) = 32),
  witness_public_key bytea not null check (length(witness_public_key) = 32),
  statement bytea not null,
  at timestamptz not null,
  primary key (peer_id, sequence)
);
create index peer_keys_by_origin on peer_keys (origin_sha256);

-- Checkpoints of peers' logs about us that we have found to continue what we saw before: of each size one root, for ever.
-- It stands here before anybody gets the cosignature. With the peer's id in the key, none can speak of another's log.
create table witnessed (
  peer_id uuid not null,
  origin text not null,
  size bigint not null check (size >= 0),
  root bytea not null check (length(root) = 32),
  -- The checkpoint with the log's own signature, and no other.
  note text not null,
  at timestamptz not null,
  primary key (peer_id, origin, size)
);

-- A peer signed as its newest a checkpoint that is shorter than what we had witnessed: when that was seen first.
create table regression (
  peer_id uuid not null,
  origin text not null,
  witnessed_size bigint not null,
  size bigint not null check (size < witnessed_size),
  note text not null,
  at timestamptz not null,
  primary key (peer_id, origin, witnessed_size)
);

-- What should never be: two truths about one log. The notes are the evidence, which anybody with the keys can check.
create table alarm (
  id uuid primary key,
  -- Null: about the platform's own log.
  peer_id uuid,
  whose text not null check (whose in ('theirs', 'ours')),
  kind text not null check (kind in ('fork', 'rollback', 'unsigned', 'files', 'worm')),
  at timestamptz not null,
  detail text not null,
  first_note text not null,
  second_note text not null
);
create index alarm_by_peer on alarm (peer_id, at);

-- An operator has looked into an alarm.
create table settlement (
  alarm_id uuid primary key references alarm (id),
  at timestamptz not null,
  by text not null,
  note text not null check (length(note) between 1 and 256)
);

create trigger endorsement_unchangeable before update or delete or truncate on endorsement for each statement execute function refuse_change();
create trigger peer_keys_unchangeable before update or delete or truncate on peer_keys for each statement execute function refuse_change();
create trigger witnessed_unchangeable before update or delete or truncate on witnessed for each statement execute function refuse_change();
create trigger regression_unchangeable before update or delete or truncate on regression for each statement execute function refuse_change();
create trigger alarm_unchangeable before update or delete or truncate on alarm for each statement execute function refuse_change();
create trigger settlement_unchangeable before update or delete or truncate on settlement for each statement execute function refuse_change();

grant select, insert on endorsement, peer_keys, witnessed, regression, alarm, settlement to audit_ledger;

-- What our heartbeats tell: the heads since a moment.
create index checkpoint_by_signed_at on checkpoint (signed_at);
