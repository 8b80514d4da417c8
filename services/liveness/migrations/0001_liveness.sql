-- breaking: no

-- Who we are to our peers: grows with each start of the beat, so that no two starts are taken for one.
create table platform (
  one boolean primary key default true check (one),
  epoch bigint not null check (epoch >= 1),
  incarnation bytea not null check (octet_length(incarnation) = 16),
  started_at timestamptz not null,
  -- A peer remembered more of us than we do: we were restored from a backup.
  restored_at timestamptz
);

-- How fresh what we know of a peer is, per direction: one row a peer, written in batches.
create table freshness (
  peer_id uuid primary key,
  stale_after_ms integer not null check (stale_after_ms > 0),

  last_heard_at timestamptz,
  epoch bigint not null default 0,
  remembered_epoch bigint not null default 0,
  incarnation bytea,
  -- The last few before it, newest first, 16 bytes each.
  past_incarnations bytea not null default '' check (octet_length(past_incarnations) <= 128),
  sequence bigint not null default 0,
  last_nonce bytea,
  description_sha256 bytea,
  trust_bundle_sequence bigint not null default 0,
  restored_at timestamptz,
  -- Bookmarks, 8 bytes number and 16 random ones, big endian: the last they showed, the last we gave them.
  shown_bookmark bytea not null default '' check (octet_length(shown_bookmark) in (0, 24)),
  given_bookmark bytea not null default '' check (octet_length(given_bookmark) in (0, 24)),

  last_heard_by_them_at timestamptz,
  -- The last few nonces we sent, newest first: 16 bytes nonce, 8 bytes milliseconds since 1970, big endian.
  sent_nonces bytea not null default '' check (octet_length(sent_nonces) <= 96),
  -- The nonce that their last beat echoed, if it is none of these.
  unplaced_echo bytea check (octet_length(unplaced_echo) = 16),
  -- The last they gave us, which our beats show.
  held_bookmark bytea not null default '' check (octet_length(held_bookmark) in (0, 24)),
  state_there text not null default '',
  clock_offset_ms double precision,
  round_trip_ms double precision,
  next_beat_at timestamptz,
  consecutive_failures integer not null default 0,
  last_error text not null default '',
  last_error_at timestamptz,

  announced text not null default 'unknown' check (announced in ('unknown', 'heard', 'silent')),
  announced_at timestamptz,
  silent_at timestamptz,
  bundle_announced_sequence bigint not null default 0,
  bundle_announced_at timestamptz,

  -- What was announced as heard has a deadline, and nothing else has one: the sweep reads only deadlines.
  check ((announced = 'heard') = (silent_at is not null))
)
-- Every beat rewrites its row: leave room for the next version, and clean up before a tenth of the table is dead.
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_limit = 2000);

create index freshness_deadline on freshness (silent_at) where announced = 'heard';

-- libs/events: OUTBOX_SQL
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

grant usage on schema liveness to liveness;
grant select, insert, update on platform, outbox_stream to liveness;
grant select, insert, update, delete on freshness, outbox to liveness;
