-- breaking: no

-- Who we are. One row: the identity key is the one thing that survives everything (design.md section 2).
create table platform (
  only_one boolean primary key default true check (only_one),
  platform_id text not null check (platform_id ~ '^[a-z2-7]{32}$'),
  identity_key bytea not null check (length(identity_key) = 32),
  identity_key_sealed bytea not null,
  trust_domain text not null,
  -- Our current trust bundle: its sequence only ever grows.
  bundle_sequence bigint not null check (bundle_sequence >= 1),
  bundle bytea not null,
  -- Where our networks lie, as sdwan-compiler says; empty until it has.
  prefix_advertisement text not null default '' check (prefix_advertisement ~ '^(fd[0-9a-f:]+::/(48|56|64))?$'),
  created_at timestamptz not null
);

create table contract_version (
  version integer primary key check (version > 0),
  contract_text text not null,
  contract_digest text not null unique check (contract_digest ~ '^[0-9a-f]{64}$'),
  effective_at date not null,
  deprecated_at date
);

-- One generation of the internal CA: a root, and the issuing key below it. Private keys are sealed.
create table authority (
  generation integer primary key check (generation >= 1),
  status text not null check (status in ('next', 'current', 'previous', 'retired')),
  root_certificate bytea not null,
  root_key_sealed bytea not null,
  issuing_certificate bytea not null,
  issuing_key_sealed bytea not null,
  crl_number bigint not null default 0,
  -- The newest revocation lists: of the root, and of the issuing CA.
  crls jsonb not null default '[]',
  crls_updated_at timestamptz not null,
  created_at timestamptz not null
);
create unique index authority_one_current on authority (status) where status = 'current';
create unique index authority_one_next on authority (status) where status = 'next';

create table peer (
  id uuid primary key,
  name text not null default '',
  state text not null check (state in ('proposed', 'accepted', 'enrolled', 'active', 'degraded', 'suspended', 'revoked')),
  suspended_from text check (suspended_from in ('accepted', 'enrolled', 'active', 'degraded')),
  reason text not null,
  since timestamptz not null,
  kind text not null check (kind in ('platform', 'sdwan_only')),
  spawn_mode text not null check (spawn_mode in ('managed_child', 'autonomous_peer', 'cluster_member', 'out_of_band')),
  spawn_role text not null check (spawn_role in ('parent', 'child', 'symmetric')),
  trust_mode text check (trust_mode in ('symmetric', 'hierarchical')),
  we_redeem boolean not null,
  url text not null check (url = '' or url ~ '^https://'),
  platform_id text check (platform_id ~ '^[a-z2-7]{32}$'),
  identity_key bytea check (length(identity_key) = 32),
  trust_domain text,
  ca_pin bytea check (length(ca_pin) = 32),
  trust_bundle bytea,
  trust_bundle_sequence bigint not null default 0,
  acknowledged_bundle_sequence bigint not null default 0,
  trust_receipt bytea,
  certificate_chain jsonb not null default '[]',
  certificate_key_sealed bytea,
  certificate_expires_at timestamptz,
  remote_peer_id uuid,
  previous_peer_id uuid references peer (id),
  parent_peer_id uuid references peer (id),
  account_id text,
  remote_account_id text,
  environment_id text,
  remote_instance_id text,
  contract_version integer check (contract_version > 0),
  contract_window jsonb,
  features jsonb not null default '[]',
  timers jsonb not null,
  disclosure jsonb not null,
  endpoints jsonb not null default '[]',
  capabilities jsonb not null default '{}',
  extension_slugs jsonb not null default '[]',
  prefix_advertisement text not null default '' check (prefix_advertisement ~ '^(fd[0-9a-f:]+::/(48|56|64))?$'),
  data_residency text not null default '',
  metadata jsonb not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  accepted_at timestamptz,
  enrolled_at timestamptz,
  revoked_at timestamptz,
  notified_at timestamptz,
  -- A managed child exists by consent of both: what each side agrees to be, and how far their notices have come.
  adoption_offered text check (adoption_offered in ('parent', 'child')),
  adoption_offered_by_peer text check (adoption_offered_by_peer in ('parent', 'child')),
  relationship_sequence bigint not null default 0,
  peer_relationship_sequence bigint not null default 0,
  revision bigint not null default 1,
  -- What the code forbids, the database refuses.
  constraint peer_suspended_remembers check ((state = 'suspended') = (suspended_from is not null)),
  constraint peer_revoked_is_dated check ((state = 'revoked') = (revoked_at is not null)),
  constraint peer_known_when_live check (
    state in ('proposed', 'revoked')
    or (platform_id is not null and identity_key is not null and trust_domain is not null and contract_version is not null)
  ),
  constraint peer_enrolled_is_trusted check (
    state not in ('enrolled', 'active', 'degraded') or (kind = 'platform' and trust_mode is not null and trust_bundle is not null)
  )
);
create unique index peer_platform_once on peer (platform_id)
  where state in ('accepted', 'enrolled', 'active', 'degraded', 'suspended');
create unique index peer_trust_domain_once on peer (trust_domain)
  where state in ('accepted', 'enrolled', 'active', 'degraded', 'suspended');
create unique index peer_name_once on peer (name) where name <> '' and state <> 'revoked';
create index peer_by_state on peer (state, id);
create index peer_by_platform on peer (platform_id);

create table invitation (
  id uuid primary key,
  peer_id uuid not null references peer (id),
  name text not null default '',
  note text not null default '',
  token_digest bytea not null unique check (length(token_digest) = 32),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  redeemed_at timestamptz,
  redeemed_by bytea check (length(redeemed_by) = 32),
  acceptance_digest bytea check (length(acceptance_digest) = 32),
  answer bytea,
  revoked_at timestamptz,
  expired_at timestamptz,
  -- Made for a machine that we made: it lives as long as the machine's boot goes on.
  boot_bound boolean not null default false,
  constraint invitation_redeemed_whole check (
    (redeemed_at is null) = (redeemed_by is null)
    and (redeemed_at is null) = (acceptance_digest is null)
    and (redeemed_at is null) = (answer is null)
  ),
  constraint invitation_ends_once check (redeemed_at is null or revoked_at is null)
);
create index invitation_by_peer on invitation (peer_id, id);
-- A machine is handed one, and the next takes its place.
create unique index invitation_boot_bound_once on invitation (peer_id)
  where boot_bound and redeemed_at is null and revoked_at is null;
create index invitation_running_out on invitation (expires_at)
  where redeemed_at is null and revoked_at is null and expired_at is null;

-- Work that needs the other side: a row until it is done (style.md: a verb cannot reach the network).
create table errand (
  peer_id uuid not null references peer (id),
  kind text not null check (kind in ('redeem', 'deliver_bundle', 'fetch_bundle', 'renew_certificate', 'notify_revocation', 'notify_relationship', 'notify_compromise', 'report_clone')),
  -- What to say, word for word, so that saying it twice is saying it once.
  statement bytea,
  -- The invitation's token, sealed; only for redeem, and gone when it is done.
  token_sealed bytea,
  token_digest bytea unique,
  expires_at timestamptz not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  last_error text not null default '',
  created_at timestamptz not null,
  primary key (peer_id, kind)
);
create index errand_due on errand (next_attempt_at);

create table certificate (
  serial text primary key check (serial ~ '^[0-9a-f]{1,40}$'),
  kind text not null check (kind in ('service', 'operator', 'peer', 'instance', 'root', 'issuing')),
  spiffe_id text not null,
  generation integer not null references authority (generation),
  not_before timestamptz not null,
  not_after timestamptz not null,
  fingerprint text not null check (fingerprint ~ '^[0-9a-f]{64}$'),
  peer_id uuid references peer (id),
  hosts jsonb not null default '[]',
  -- In the place of the name; null: the name.
  common_name text check (common_name ~ '^[a-z][a-z0-9_]{2,62}$'),
  revoked_at timestamptz,
  revocation_reason text not null default ''
);
create index certificate_by_kind on certificate (kind, not_after desc, serial);
create index certificate_by_spiffe_id on certificate (spiffe_id, not_after desc);
create index certificate_of_peer on certificate (peer_id) where peer_id is not null;
create index certificate_revoked on certificate (generation) where revoked_at is not null;

create table rotation (
  id uuid primary key,
  step text not null check (step in ('planned', 'published', 'switched', 'retired', 'cancelled')),
  from_generation integer not null references authority (generation),
  to_generation integer not null references authority (generation),
  bundle_sequence bigint not null default 0,
  overridden jsonb not null default '[]',
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index rotation_one_open on rotation ((true)) where step in ('planned', 'published', 'switched');

-- What each of our own services says it trusts.
create table trust_holder (
  holder text primary key,
  acknowledged_sequence bigint not null,
  generation integer not null,
  acknowledged_at timestamptz not null
);

-- What must not change is refused here, for the owner too. Only the moves of src/peer.ts are made, a revoked peer stays
-- revoked, and nobody's identity is swapped under a peering.
create function guard_peer() returns trigger language plpgsql as $$
begin
  if new.state <> old.state and (old.state, new.state) not in (
    ('proposed', 'accepted'), ('proposed', 'revoked'),
    ('accepted', 'enrolled'), ('accepted', 'suspended'), ('accepted', 'revoked'),
    ('enrolled', 'active'), ('enrolled', 'suspended'), ('enrolled', 'revoked'),
    ('active', 'degraded'), ('active', 'suspended'), ('active', 'revoked'),
    ('degraded', 'active'), ('degraded', 'suspended'), ('degraded', 'revoked'),
    ('suspended', 'accepted'), ('suspended', 'enrolled'), ('suspended', 'degraded'), ('suspended', 'revoked')
  ) then
    raise exception 'peer % is % and cannot become %', old.id, old.state, new.state using errcode = 'check_violation';
  end if;
  if old.identity_key is not null and new.identity_key is distinct from old.identity_key
    or old.platform_id is not null and new.platform_id is distinct from old.platform_id
    or old.state <> 'proposed' and new.trust_domain is distinct from old.trust_domain
  then
    raise exception 'the identity of peer % cannot be replaced', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger peer_guarded before update on peer for each row execute function guard_peer();

-- An invitation is spent once, by one key, and one that was taken back stays so.
create function guard_invitation() returns trigger language plpgsql as $$
begin
  if new.token_digest <> old.token_digest or new.peer_id <> old.peer_id or new.boot_bound <> old.boot_bound
    or new.expires_at <> old.expires_at and (not old.boot_bound or new.expires_at < old.expires_at)
    or old.redeemed_by is not null and (new.redeemed_by, new.acceptance_digest, new.answer, new.redeemed_at)
      is distinct from (old.redeemed_by, old.acceptance_digest, old.answer, old.redeemed_at)
    or old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at
  then
    raise exception 'what became of invitation % cannot be undone', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger invitation_guarded before update on invitation for each row execute function guard_invitation();

-- A certificate that was taken back stays so.
create function guard_certificate() returns trigger language plpgsql as $$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'certificate % is revoked for good', old.serial using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger certificate_guarded before update on certificate for each row execute function guard_certificate();

-- A platform keeps its identity, and bundle sequences only grow: peers refuse one that goes back.
create function guard_platform() returns trigger language plpgsql as $$
begin
  if new.identity_key <> old.identity_key or new.platform_id <> old.platform_id or new.trust_domain <> old.trust_domain
    or new.bundle_sequence < old.bundle_sequence
  then
    raise exception 'the identity of this platform cannot be replaced' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger platform_guarded before update on platform for each row execute function guard_platform();

create table sealing_key (
  id boolean primary key default true check (id),
  -- Ids of all keys that values here were ever sealed under, which tell nothing of the keys; the last is the newest.
  key_ids bytea[] not null default '{}'
);
insert into sealing_key default values;

-- A process that runs with a key that was replaced keeps nothing: that would be lost with its key.
create function sealed_under_newest() returns trigger language plpgsql set search_path = peer_registry, pg_temp as $$
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
create trigger platform_sealed before insert or update of identity_key_sealed on platform
  for each row execute function sealed_under_newest('identity_key_sealed');
create trigger authority_sealed before insert or update of root_key_sealed, issuing_key_sealed on authority
  for each row execute function sealed_under_newest('root_key_sealed', 'issuing_key_sealed');
create trigger peer_sealed before insert or update of certificate_key_sealed on peer
  for each row execute function sealed_under_newest('certificate_key_sealed');
create trigger errand_sealed before insert or update of token_sealed on errand
  for each row execute function sealed_under_newest('token_sealed');

grant usage on schema peer_registry to peer_registry;
grant select, update on sealing_key to peer_registry;
grant select, insert, update on platform, authority, peer, invitation, certificate, rotation, trust_holder to peer_registry;
grant select, insert, update, delete on errand to peer_registry;
grant select, insert on contract_version to peer_registry;
