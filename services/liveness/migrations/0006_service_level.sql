-- breaking: no

-- How they stand with our platform version, as their last answer said; empty: it did not.
alter table freshness add column version_status_there text not null default ''
  check (version_status_there in ('', 'compatible', 'degraded', 'incompatible'));

-- What each peering was worth: one row for each hour of the last two days, one for each day of the month before.
-- Of an hour that nobody watched there is none.
create table service_level (
  peer_id uuid not null,
  span text not null check (span in ('hour', 'day')),
  since timestamptz not null,
  -- Of the span: how long the peering was watched, and how long of that beats were fresh.
  watched_ms integer not null default 0 check (watched_ms >= 0),
  both_ms integer not null default 0 check (both_ms between 0 and watched_ms),
  heard_ms integer not null default 0 check (heard_ms between both_ms and watched_ms),
  heard_by_them_ms integer not null default 0 check (heard_by_them_ms between both_ms and watched_ms),
  beats_sent integer not null default 0 check (beats_sent >= 0),
  beats_answered integer not null default 0 check (beats_answered between 0 and beats_sent),
  beats_heard integer not null default 0 check (beats_heard >= 0),
  -- How often which round trip was measured, packed (src/level/round-trips.ts).
  round_trips bytea not null default '',
  silences integer not null default 0 check (silences >= 0),
  longest_silence_ms bigint not null default 0 check (longest_silence_ms >= 0),
  primary key (peer_id, span, since)
);
create index service_level_by_age on service_level (span, since);

grant select, insert, update, delete on service_level to liveness;
