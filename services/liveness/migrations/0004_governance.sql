-- breaking: no

-- What is wrong with how a peering stands: open from when it was first found until it is so no more.
create table finding (
  id uuid primary key,
  kind text not null check (
    kind in (
      'prefix_overlap_with_install', 'prefix_overlap_with_other_peer', 'stale_accepted_without_handshake', 'expired_trust',
      'peer_heartbeat_stale', 'peer_capability_drift', 'peer_residency_missing', 'peer_schema_version_missing',
      'peer_schema_version_drift', 'peer_cert_expiring', 'peer_cert_expired', 'peer_patience_long'
    )
  ),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  -- Empty: it concerns the platform.
  peer_id text not null,
  -- What tells two of one kind and peer apart.
  about text not null,
  message text not null,
  remedy text not null,
  waiting_on text not null check (waiting_on in ('us', 'them', 'nobody')),
  payload jsonb not null check (jsonb_typeof(payload) = 'object'),
  opened_at timestamptz not null,
  updated_at timestamptz not null,
  closed_at timestamptz,
  -- When it came back within an hour of being closed, last; and since when one that did is not found any more.
  reopened_at timestamptz,
  missing_since timestamptz,
  acknowledged_by text not null default '',
  acknowledged_at timestamptz,
  note text not null default '',
  check (opened_at <= updated_at and (closed_at is null or closed_at >= opened_at)),
  check ((acknowledged_at is null) = (acknowledged_by = '') and (acknowledged_at is null) = (note = ''))
);
-- One of a kind, of a peer, about one thing.
create unique index finding_open on finding (kind, peer_id, about) where closed_at is null;
create index finding_gravest on finding (
  (array_position(array['critical', 'high', 'medium', 'low'], severity)), id desc
) where closed_at is null;
create index finding_of_peer on finding (peer_id);
create index finding_closed on finding (closed_at) where closed_at is not null;

-- What is over is history: nobody writes it anew. But what comes back within an hour was not over.
create function guard_finding() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.closed_at is not null and (
    new.closed_at is not null or new.reopened_at is null or new.reopened_at > old.closed_at + interval '1 hour'
  ) then
    raise exception 'finding % is closed', old.id using errcode = 'check_violation';
  end if;
  if (new.id, new.kind, new.peer_id, new.about, new.opened_at)
    is distinct from (old.id, old.kind, old.peer_id, old.about, old.opened_at) then
    raise exception 'finding % is about something else', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger finding_guarded before update on finding for each row execute function guard_finding();

-- When all peers were looked at last. `as_of` is when the reading began: an older look never writes over a newer one.
create table governance_scan (
  one boolean primary key default true check (one),
  as_of timestamptz not null,
  scanned_at timestamptz not null,
  peers integer not null check (peers >= 0),
  unread text[] not null,
  -- The contract in force, as peer-registry said last.
  contract_version integer not null,
  contract_sha256 text not null
);

-- How each of the twelve commitments stands.
create table commitment (
  number integer primary key check (number between 1 and 12),
  result text not null check (result in ('kept', 'broken', 'unknown', 'not_checkable')),
  detail text not null,
  checked_at timestamptz not null
);

-- With whom one is broken; empty: by ourselves.
create table commitment_breach (
  number integer references commitment (number),
  peer_id text,
  detail text not null,
  primary key (number, peer_id)
);
create index commitment_breach_of_peer on commitment_breach (peer_id);

grant select, insert, update, delete on finding, commitment, commitment_breach to liveness;
grant select, insert, update on governance_scan to liveness;
