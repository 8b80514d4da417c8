-- breaking: no

-- The peers we have heard of. The row is the lock under which all that concerns a peer's grants is decided: of an
-- enrolment and a revocation that arrive together, or in the wrong order, the revocation wins.
create table peer (
  id uuid primary key,
  -- The grant that its operators hold because it is our parent. Replaced only when it is over; what an operator revoked
  -- stays here, so that it is not given again for as long as the relationship stands.
  operator_grant_id uuid unique,
  -- What it was to us when it was last looked at: mode/role; empty: not looked at yet.
  relationship text not null default '',
  -- When peer-registry was last asked about it.
  reviewed_at timestamptz,
  revoked_at timestamptz
);
create index peer_to_review on peer (reviewed_at nulls first) where revoked_at is null;

-- What the platform gives by itself, and how far an operator may go. One row.
create table grant_settings (
  only_one boolean primary key default true check (only_one),
  default_ttl_ms bigint not null default 2592000000,
  managed_child_ttl_ms bigint not null default 31536000000,
  longest_ttl_ms bigint not null default 31622400000,
  strict_axes boolean not null default false,
  remind_before_ms bigint not null default 604800000 check (remind_before_ms between 0 and 31622400000),
  operator_grant boolean not null default true,
  operator_grant_scopes text[] not null default '{read,write,admin}',
  revision bigint not null default 1 check (revision >= 1),
  -- A century: more is a mistake of units.
  constraint settings_longest_sensible check (longest_ttl_ms between 60000 and 3155760000000),
  constraint settings_ttls_in_range check (
    default_ttl_ms between 60000 and longest_ttl_ms and managed_child_ttl_ms between 60000 and longest_ttl_ms
  ),
  constraint settings_scopes_known check (
    cardinality(operator_grant_scopes) > 0 and operator_grant_scopes <@ array['read', 'write', 'admin', 'migrate']
  )
);
insert into grant_settings default values;

-- Whether no value of a list is there twice.
create function is_set(list text[]) returns boolean language sql immutable parallel safe as $$
  select cardinality(list) <= 1 or cardinality(list) = (select count(distinct entry) from unnest(list) as entry)
$$;

-- Whether a list can be an axis: values of a sensible length, none twice, and "*" (any) only by itself.
create function is_axis(list text[]) returns boolean language sql immutable parallel safe as $$
  select cardinality(list) <= 256 and grant_authz.is_set(list) and (cardinality(list) <= 1 or '*' <> all (list))
    and not exists (select 1 from unnest(list) as entry where entry is null or length(entry) not between 1 and 64)
$$;

-- Whether every range has its length and no host bits.
create function are_cidrs(list text[]) returns boolean language plpgsql immutable parallel safe as $$
begin
  return not exists (
    select 1 from unnest(list) as entry where entry <> '*' and (entry not like '%/%' or entry::cidr is null)
  );
exception when invalid_text_representation then
  return false;
end
$$;

-- What a peer may do here. ("grant" alone is a word of SQL.)
create table federation_grant (
  id uuid primary key,
  peer_id uuid not null references peer (id),
  remote_subject text not null check (length(remote_subject) between 1 and 256),
  resource_kind text not null check (resource_kind ~ '^[A-Za-z][A-Za-z0-9_.-]{0,63}$'),
  -- Empty: every resource of the kind.
  resource_id text not null default '' check (length(resource_id) <= 128),
  scopes text[] not null,
  node_instance_ids text[] not null,
  sdwan_network_ids text[] not null,
  source_cidrs text[] not null,
  -- Empty: the identity the peer is enrolled with.
  bound_identities text[] not null default '{}',
  -- SHA-256 of the secret in the bearer, which is nowhere.
  secret_sha256 bytea not null check (length(secret_sha256) = 32),
  issued_at timestamptz not null,
  issued_by text not null check (issued_by ~ '^(operator|service)/.+'),
  -- For how long it was issued: what a renewal gives unless told otherwise.
  ttl_ms bigint not null check (ttl_ms >= 60000),
  expires_at timestamptz not null,
  renewed_at timestamptz,
  revoked_at timestamptz,
  revoked_by text not null default '',
  revocation_reason text not null default '' check (length(revocation_reason) <= 256),
  -- From when on it is over for good, by revocation or because its end was noticed. Of grants that are not, there is one
  -- for each peer, subject, kind and resource.
  ended_at timestamptz,
  archived_at timestamptz,
  reminded_at timestamptz,
  delivered_at timestamptz,
  last_changed_at timestamptz not null,
  metadata jsonb not null default '{}',
  revision bigint not null default 1 check (revision >= 1),
  constraint grant_scopes_known check (
    cardinality(scopes) > 0 and (cardinality(scopes) = 1 or is_set(scopes))
    and scopes <@ array['read', 'write', 'admin', 'migrate']
  ),
  -- Most are one of two: what costs is asked of the others only.
  constraint grant_axes_sound check (
    (node_instance_ids in ('{}', '{*}') or is_axis(node_instance_ids))
    and (sdwan_network_ids in ('{}', '{*}') or is_axis(sdwan_network_ids))
    and (source_cidrs in ('{}', '{*}') or is_axis(source_cidrs))
  ),
  constraint grant_cidrs_canonical check (source_cidrs in ('{}', '{*}') or are_cidrs(source_cidrs)),
  constraint grant_identities_sound check (
    bound_identities = '{}' or cardinality(bound_identities) <= 16 and is_set(bound_identities)
    and array_to_string(bound_identities, ' ') ~ '^((spiffe://[^ ]+|x5t#S256:[A-Za-z0-9_-]{43})( |$))*$'
  ),
  constraint grant_lasts_a_minute check (expires_at >= issued_at + interval '1 minute'),
  constraint grant_ended_when_over check (
    (revoked_at is null or ended_at is not null) and (ended_at is null or revoked_at is not null or ended_at >= expires_at)
  ),
  constraint grant_revoked_by_somebody check ((revoked_at is null) = (revoked_by = '')),
  constraint grant_archived_when_over check (archived_at is null or ended_at is not null),
  constraint grant_metadata_small check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 16384)
);
create unique index federation_grant_one_live on federation_grant (peer_id, remote_subject, resource_kind, resource_id)
  where ended_at is null;
create index federation_grant_by_peer on federation_grant (peer_id, id);
create index federation_grant_by_end on federation_grant (expires_at) where ended_at is null;
create index federation_grant_to_remind on federation_grant (expires_at) where ended_at is null and reminded_at is null;
create index federation_grant_to_archive on federation_grant (ended_at) where ended_at is not null and archived_at is null;
alter table peer add foreign key (operator_grant_id) references federation_grant (id);

-- A new grant: for a peer that is not over, and within what the platform allows.
create function guard_new_grant() returns trigger language plpgsql set search_path = grant_authz, pg_temp as $$
begin
  if exists (select 1 from peer where id = new.peer_id and revoked_at is not null) then
    raise exception 'peer % is revoked for good', new.peer_id using errcode = 'check_violation';
  end if;
  if exists (select 1 from grant_settings where new.ttl_ms > longest_ttl_ms) then
    raise exception 'grant % would last longer than the platform allows', new.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger grant_guarded_when_new before insert on federation_grant for each row execute function guard_new_grant();

-- What is over stays over, and a grant never changes hands: the owner's word too. Its end moves by renewal alone, and
-- only away. The revision grows with every change that anybody is told of.
create function guard_grant() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (new.id, new.peer_id, new.remote_subject, new.resource_kind, new.resource_id, new.secret_sha256)
    is distinct from (old.id, old.peer_id, old.remote_subject, old.resource_kind, old.resource_id, old.secret_sha256)
    or (new.issued_at, new.issued_by, new.ttl_ms) is distinct from (old.issued_at, old.issued_by, old.ttl_ms)
  then
    raise exception 'grant % cannot be rewritten: revoke it and issue another', old.id using errcode = 'check_violation';
  end if;
  if old.revoked_at is not null and (new.revoked_at, new.revoked_by, new.revocation_reason)
    is distinct from (old.revoked_at, old.revoked_by, old.revocation_reason)
  then
    raise exception 'grant % is revoked for good', old.id using errcode = 'check_violation';
  end if;
  if old.archived_at is not null
    and (new.archived_at, new.revoked_at, new.metadata) is distinct from (old.archived_at, old.revoked_at, old.metadata)
  then
    raise exception 'grant % is archived for good', old.id using errcode = 'check_violation';
  end if;
  if old.ended_at is not null and (
    (new.ended_at, new.scopes, new.node_instance_ids, new.sdwan_network_ids, new.source_cidrs)
      is distinct from (old.ended_at, old.scopes, old.node_instance_ids, old.sdwan_network_ids, old.source_cidrs)
    or (new.bound_identities, new.expires_at, new.renewed_at, new.reminded_at)
      is distinct from (old.bound_identities, old.expires_at, old.renewed_at, old.reminded_at))
  then
    raise exception 'grant % is over for good', old.id using errcode = 'check_violation';
  end if;
  if new.expires_at <> old.expires_at and (
    new.expires_at < old.expires_at or new.renewed_at is distinct from new.last_changed_at
      or new.renewed_at >= old.expires_at)
  then
    raise exception 'the end of grant % moves by renewal before it has come, and only away', old.id
      using errcode = 'check_violation';
  end if;
  if (new.scopes, new.node_instance_ids, new.sdwan_network_ids, new.source_cidrs, new.bound_identities, new.expires_at)
    is distinct from
    (old.scopes, old.node_instance_ids, old.sdwan_network_ids, old.source_cidrs, old.bound_identities, old.expires_at)
    or (new.revoked_at, new.archived_at, new.reminded_at, new.metadata)
    is distinct from (old.revoked_at, old.archived_at, old.reminded_at, old.metadata)
  then
    new.revision := old.revision + 1;
  else
    new.revision := old.revision;
  end if;
  return new;
end
$$;
create trigger grant_guarded before update on federation_grant for each row execute function guard_grant();

create function guard_peer() returns trigger language plpgsql set search_path = grant_authz, pg_temp as $$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'peer % is revoked for good', old.id using errcode = 'check_violation';
  end if;
  if new.operator_grant_id is distinct from old.operator_grant_id
    and exists (select 1 from federation_grant where id = old.operator_grant_id and ended_at is null)
  then
    raise exception 'peer % holds its operator grant', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger peer_guarded before update on peer for each row execute function guard_peer();

create function guard_settings() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.revision <> old.revision + 1 then
    raise exception 'the settings have changed meanwhile' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger settings_guarded before update on grant_settings for each row execute function guard_settings();

-- Leave of a peer to be met on one of our networks.
create table network_bridge (
  id uuid primary key,
  peer_id uuid not null references peer (id),
  sdwan_network_id text not null check (length(sdwan_network_id) between 1 and 64 and sdwan_network_id <> '*'),
  state text not null default 'proposed' check (state in ('proposed', 'active', 'suspended', 'revoked')),
  proposed_at timestamptz not null,
  activated_at timestamptz,
  suspended_at timestamptz,
  revoked_at timestamptz,
  revocation_reason text not null default '' check (length(revocation_reason) <= 256),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  revision bigint not null default 1 check (revision >= 1),
  constraint bridge_stamps_fit check (
    (state <> 'active' or activated_at is not null) and (state = 'suspended') = (suspended_at is not null)
    and (state = 'revoked') = (revoked_at is not null)
  )
);
create unique index network_bridge_one_live on network_bridge (peer_id, sdwan_network_id) where state <> 'revoked';
create index network_bridge_by_peer on network_bridge (peer_id, id);

create function guard_new_bridge() returns trigger language plpgsql set search_path = grant_authz, pg_temp as $$
begin
  if new.state <> 'proposed' then
    raise exception 'bridge % begins as %', new.id, new.state using errcode = 'check_violation';
  end if;
  if exists (select 1 from peer where id = new.peer_id and revoked_at is not null) then
    raise exception 'peer % is revoked for good', new.peer_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger bridge_guarded_when_new before insert on network_bridge for each row execute function guard_new_bridge();

create function guard_bridge() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (new.id, new.peer_id, new.sdwan_network_id, new.proposed_at)
    is distinct from (old.id, old.peer_id, old.sdwan_network_id, old.proposed_at)
  then
    raise exception 'bridge % cannot be rewritten', old.id using errcode = 'check_violation';
  end if;
  if old.state = 'revoked' and (new.state, new.revoked_at, new.revocation_reason)
    is distinct from (old.state, old.revoked_at, old.revocation_reason)
  then
    raise exception 'bridge % is revoked for good', old.id using errcode = 'check_violation';
  end if;
  if new.state <> old.state and (old.state, new.state) not in (
    ('proposed', 'active'), ('proposed', 'revoked'),
    ('active', 'suspended'), ('active', 'revoked'),
    ('suspended', 'active'), ('suspended', 'revoked'))
  then
    raise exception 'bridge % does not go from % to %', old.id, old.state, new.state using errcode = 'check_violation';
  end if;
  new.revision := old.revision + (new.state <> old.state or new.metadata <> old.metadata)::integer;
  return new;
end
$$;
create trigger bridge_guarded before update on network_bridge for each row execute function guard_bridge();

-- How resources of a kind travel between a peer and us.
create table capability (
  peer_id uuid not null references peer (id),
  resource_kind text not null check (resource_kind ~ '^[A-Za-z][A-Za-z0-9_.-]{0,63}$'),
  direction text not null
    check (direction in ('push_local_to_remote', 'pull_remote_to_local', 'bidirectional', 'migration_only')),
  policy text not null default 'manual' check (policy in ('manual', 'auto_on_change', 'auto_periodic', 'on_match_filter')),
  conflict_resolution text not null default 'newer_wins_logical_clock'
    check (conflict_resolution in ('newer_wins_logical_clock', 'local_wins', 'remote_wins', 'prompt')),
  filter jsonb not null default '{}' check (jsonb_typeof(filter) = 'object' and octet_length(filter::text) <= 16384),
  set_by text not null check (set_by ~ '^(operator|service)/.+'),
  set_at timestamptz not null,
  -- Removed by an operator: kept, so that the platform does not set it again by itself.
  removed_at timestamptz,
  primary key (peer_id, resource_kind, direction),
  constraint capability_filter_when_matched check (policy <> 'on_match_filter' or filter <> '{}')
);

-- What peers gave to us and told us of: a mirror. The bearer is sealed, with peer and grant as its context.
create table received_grant (
  peer_id uuid not null references peer (id),
  grant_id uuid not null,
  remote_subject text not null,
  resource_kind text not null,
  resource_id text not null,
  scopes text[] not null check (scopes <@ array['read', 'write', 'admin', 'migrate']),
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revocation_reason text not null default '',
  reminded_at timestamptz,
  revision bigint not null,
  sealed_bearer bytea,
  received_at timestamptz not null,
  last_changed_at timestamptz not null,
  primary key (peer_id, grant_id),
  -- A bearer of what is over is of no use to us, and may be to a thief.
  constraint received_bearer_wiped check (revoked_at is null or sealed_bearer is null)
);
create index received_grant_by_end on received_grant (expires_at);

create function guard_received_grant() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.revision < old.revision then
    raise exception 'of grant % a newer notice is here', old.grant_id using errcode = 'check_violation';
  end if;
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'grant % is revoked for good', old.grant_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger received_grant_guarded before update on received_grant
  for each row execute function guard_received_grant();

-- What a peer's platform is still to be told of a grant: one row, whatever has become of the grant since. What is sent
-- is read when it is sent; only the bearer, which is nowhere else, waits here, sealed, until it has arrived.
create table grant_notice (
  grant_id uuid primary key references federation_grant (id),
  peer_id uuid not null,
  what text not null check (what in ('issued', 'changed', 'renewed', 'revoked', 'expiring')),
  sealed_bearer bytea,
  due_at timestamptz not null,
  attempts integer not null default 0 check (attempts >= 0),
  last_error text not null default '',
  -- Grows with each thing to be told, so that one that comes while another is on its way is not lost with it.
  rings bigint not null default 1,
  correlation_id text not null,
  traceparent text not null,
  constraint notice_bearer_with_issue check (sealed_bearer is null or what = 'issued')
);
create index grant_notice_due on grant_notice (due_at);

-- Peers to be looked at: peer-registry is asked what they are, and that decides. A row says that there is something to
-- see, never what: whoever can ring the bell (an event, a timer) decides nothing by it.
create table peer_review (
  peer_id uuid primary key,
  due_at timestamptz not null,
  attempts integer not null default 0 check (attempts >= 0),
  -- Grows with each ring, so that one that comes while the registry is being asked is not lost with the answer.
  rings bigint not null default 1,
  -- Joins what comes of it with what led to it. Decides nothing.
  correlation_id text not null,
  traceparent text not null
);
create index peer_review_due on peer_review (due_at);

create table sealing_key (
  id boolean primary key default true check (id),
  -- Ids of all keys that values here were ever sealed under, which tell nothing of the keys; the last is the newest.
  key_ids bytea[] not null default '{}'
);
insert into sealing_key default values;

-- A process that runs with a key that was replaced keeps nothing: that would be lost with its key.
create function sealed_under_newest() returns trigger language plpgsql set search_path = grant_authz, pg_temp as $$
declare
  newest bytea;
  sealed bytea;
  its text;
begin
  foreach its in array tg_argv loop
    sealed := (to_jsonb(new) ->> its)::bytea;
    continue when sealed is null or (tg_op = 'UPDATE' and sealed is not distinct from (to_jsonb(old) ->> its)::bytea);
    select key_ids[cardinality(key_ids)] into newest from sealing_key for share;
    continue when newest is null or substring(sealed from 2 for 4) = newest;
    raise exception 'sealed under a key that was replaced by %', encode(newest, 'hex') using errcode = 'PNSK1';
  end loop;
  return new;
end
$$;
create trigger received_grant_sealed before insert or update of sealed_bearer on received_grant
  for each row execute function sealed_under_newest('sealed_bearer');
create trigger grant_notice_sealed before insert or update of sealed_bearer on grant_notice
  for each row execute function sealed_under_newest('sealed_bearer');

grant usage on schema grant_authz to grant_authz;
-- A check is run by whoever writes the row.
grant execute on function is_set(text[]), is_axis(text[]), are_cidrs(text[]) to grant_authz;
grant select, update on sealing_key to grant_authz;
grant select, insert, update on peer, federation_grant, network_bridge, grant_settings to grant_authz;
grant select, insert, update, delete on capability, received_grant, grant_notice, peer_review to grant_authz;
