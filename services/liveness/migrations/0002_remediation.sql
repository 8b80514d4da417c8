-- breaking: no

-- Since when we have been listening without a gap: silence before that is ours and degrades nobody.
create table listening (
  one boolean primary key default true check (one),
  since timestamptz not null,
  -- Why it began anew.
  reason text not null,
  -- When the loop ticked last, and how long one tick is: after three of them without a next one nobody counts as silent.
  ticked_at timestamptz not null,
  tick_ms integer not null check (tick_ms > 0),
  check (since <= ticked_at)
);

-- When a gateway was last there to tell us of beats: written by every replica that has its stream.
create table ear (
  one boolean primary key default true check (one),
  open_at timestamptz not null
);

-- How the loop stands, and what it may do.
create table remediation_loop (
  one boolean primary key default true check (one),
  mode text not null default 'acting' check (mode in ('acting', 'observing', 'paused')),
  mode_reason text not null default '',
  mode_by text not null default '',
  mode_since timestamptz,

  breaker_since timestamptz,
  breaker_reason text not null default '',
  breaker_calm_ticks integer not null default 0,
  -- Those that are latest while it holds.
  latest uuid[] not null default '{}' check (cardinality(latest) <= 10),
  late integer not null default 0,
  watched integer not null default 0,
  tick_took_ms double precision not null default 0,

  breaker_share double precision not null default 0.3 check (breaker_share > 0 and breaker_share <= 1),
  breaker_least integer not null default 4 check (breaker_least >= 2),
  -- 0: reckoned from how many are watched.
  budget_per_hour integer not null default 0 check (budget_per_hour >= 0),
  patience integer not null default 1 check (patience >= 0),
  clock_skew_ms double precision not null default 30000 check (clock_skew_ms > 0),
  cert_warning_ms double precision not null default 2592000000 check (cert_warning_ms > 0),
  check ((breaker_since is null) = (breaker_reason = ''))
);
insert into remediation_loop default values;

-- Something is wrong with a peering: open while it is so.
create table signal (
  id uuid primary key,
  peer_id uuid not null,
  reason text not null check (
    reason in ('heartbeat_stale', 'one_way', 'clock_skew', 'epoch_regression', 'cert_expiring', 'cert_expired')
  ),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  fingerprint text not null,
  detail text not null,
  certificate text not null default '',
  -- As the peer was when it opened.
  peer_state text not null,
  last_heartbeat_at timestamptz,
  opened_at timestamptz not null,
  last_seen_at timestamptz not null,
  closed_at timestamptz,
  -- recovered: it is no longer so; renamed: the same silence has another name now; gone: the peer is not watched any more.
  ending text not null default '' check (ending in ('', 'recovered', 'renamed', 'gone')),
  trouble_since timestamptz not null,
  next_look_at timestamptz not null,
  seen integer not null check (seen >= 1),
  patience_used integer not null,
  looks integer not null,
  escalation smallint not null check (escalation between 0 and 2),
  -- Since when it is not so any more, of one that stays open for a while all the same.
  calm_since timestamptz,
  -- The last decision about it.
  remediation_id uuid,
  -- Under which approval it may be acted on.
  approval_id uuid,
  -- The approval that people were asked for.
  asked_id uuid,
  check ((closed_at is null) = (ending = ''))
);
create unique index signal_open on signal (peer_id, reason) where closed_at is null;
create index signal_due on signal (next_look_at) where closed_at is null;
-- Ids are of the moment they were made: newest first is by id.
create index signal_newest on signal (id) where closed_at is null;
create index signal_of_peer on signal (peer_id, id);
create index signal_closed on signal (closed_at) where closed_at is not null;

-- The diary: every decision with all it rested on. Never changed but by what came of it.
create table remediation (
  id uuid primary key,
  peer_id uuid not null,
  signal_id uuid,
  reason text not null,
  decided_at timestamptz not null,
  verb text not null check (verb in ('auto_approve', 'notify_and_proceed', 'require_approval', 'blocked')),
  mode text not null check (mode in ('acting', 'observing', 'paused')),
  action text not null check (action in ('rehandshaked', 'degraded', 'alerted', 'held', 'awaiting_approval')),
  why_held text not null default '',
  would_have text not null default '',
  detail text not null,
  inputs jsonb not null,
  probes jsonb not null default '[]',
  reachable boolean not null,
  approval_id uuid,
  finished_at timestamptz not null,
  recovered_at timestamptz,
  actor text not null,
  check ((action = 'held') = (why_held <> ''))
);
create index remediation_of_peer on remediation (peer_id, id);
create index remediation_decided on remediation (decided_at);
create index remediation_degraded on remediation (decided_at) where action = 'degraded';
create index remediation_approval on remediation (approval_id) where approval_id is not null;

-- Since when each peer that is enrolled, and was never heard both ways, should have been: a leader that follows another knows it.
create table expectation (
  peer_id uuid primary key,
  since timestamptz not null
);

-- Who fell silent and is not decided yet, or stays away: read by the loop instead of everybody.
create index freshness_silent on freshness (peer_id) where announced = 'silent';

grant select, insert, update on listening, ear to liveness;
grant select, update on remediation_loop to liveness;
grant select, insert, update, delete on signal, remediation, expectation to liveness;
