-- breaking: no

-- What children are made of.
create table template (
  id uuid primary key,
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  description text not null,
  spec jsonb not null check (jsonb_typeof(spec) = 'object'),
  created_by text not null,
  created_at timestamptz not null,
  retired_at timestamptz,
  revision integer not null check (revision >= 1)
);

-- Who makes instances: a kind that this service was built with, configured.
create table provider (
  id uuid primary key,
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  kind text not null check (kind ~ '^[a-z][a-z0-9-]{0,31}$'),
  config jsonb not null check (jsonb_typeof(config) = 'object'),
  -- Whether it could make an instance when last asked: 'ready', or why not. Empty: never asked.
  status text not null default '',
  created_by text not null,
  created_at timestamptz not null,
  revision integer not null check (revision >= 1)
);

create table region (
  id uuid primary key,
  provider_id uuid not null references provider (id) on delete cascade,
  name text not null check (length(name) between 1 and 128),
  residency text not null default '',
  unique (provider_id, name)
);

create table instance_type (
  id uuid primary key,
  provider_id uuid not null references provider (id) on delete cascade,
  name text not null check (length(name) between 1 and 128),
  cpus integer not null check (cpus >= 1),
  memory_bytes bigint not null check (memory_bytes >= 0),
  disk_bytes bigint not null check (disk_bytes >= 0),
  unique (provider_id, name)
);

-- A platform that we made, from the moment somebody asked for it. No token of its invitation is ever here.
create table child (
  id uuid primary key,
  -- The same request again is the same spawn.
  request_id uuid not null unique,
  request_sha256 bytea not null check (length(request_sha256) = 32),
  hostname text not null check (length(hostname) between 1 and 253),
  spawn_mode text not null check (spawn_mode in ('managed_child', 'autonomous_peer', 'cluster_member')),
  state text not null
    check (state in ('preparing', 'provisioning', 'booting', 'joining', 'active', 'undoing', 'gone')),
  reason text not null,
  since timestamptz not null,
  -- Why it is undone.
  ending text check (ending in ('cancelled', 'failed', 'terminated')),
  peer_id uuid unique,
  instance_id uuid not null unique,
  -- The platform that redeemed its invitation: whoever has another identity afterwards is a clone.
  platform_id text check (platform_id ~ '^[a-z2-7]{32}$'),
  template_id uuid not null references template (id),
  provider_id uuid not null,
  region_id uuid not null,
  instance_type_id uuid not null,
  parent_url text not null check (parent_url ~ '^https://'),
  proposed_routes jsonb not null,
  proposed_capabilities jsonb not null,
  token_ttl_ms bigint not null check (token_ttl_ms between 60000 and 604800000),
  -- Null when the child has spoken, and when nothing is open any more.
  invitation_expires_at timestamptz,
  boot_deadline timestamptz not null,
  -- The machine holds the payload of an invitation that is dead: it is stamped anew by whoever made the new one, and
  -- from this moment by whoever attends to the child.
  stamp_due_at timestamptz,
  created_by text not null,
  request_trace text not null default '',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  revision integer not null check (revision >= 1),
  constraint child_ends_for_a_reason check ((state in ('undoing', 'gone')) = (ending is not null)),
  constraint child_joins_as_a_peer check (state in ('preparing', 'undoing', 'gone') or peer_id is not null)
);
-- Two living children of one name would be two platforms of one trust domain.
create unique index child_living_hostname on child (hostname) where state <> 'gone';
create index child_unsettled on child (id) where state not in ('active', 'gone');

-- What is done to make it, in order; each is done once, and undone once.
create table step (
  child_id uuid not null references child (id),
  position integer not null,
  name text not null check (name in (
    'prepare_peer', 'prepare_slot', 'prepare_role', 'create_instance', 'await_boot', 'await_accept', 'await_active'
  )),
  status text not null check (status in ('pending', 'running', 'done', 'failed', 'undone', 'skipped')),
  attempts integer not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  detail text not null default '' check (length(detail) <= 1000),
  primary key (child_id, name)
);

-- The machine of a child, from before its provider has heard of it: what is not written down first could be forgotten.
create table instance (
  id uuid primary key,
  child_id uuid not null unique references child (id),
  hostname text not null,
  provider_id uuid not null,
  region_id uuid not null,
  instance_type_id uuid not null,
  state text not null
    check (state in ('creating', 'booting', 'running', 'stopped', 'lost', 'terminating', 'gone')),
  reason text not null default '',
  since timestamptz not null,
  progress text not null default '' check (length(progress) <= 1000),
  progress_at timestamptz,
  provider_ref text not null default '',
  created_at timestamptz not null,
  revision integer not null check (revision >= 1)
);
create index instance_by_provider on instance (provider_id) where state <> 'gone';

-- Found where nothing should be, or missing where something should. One row for as long as it is seen.
create table orphan (
  kind text not null check (kind in ('instance', 'slot', 'role', 'peer')),
  name text not null,
  -- Null: not a provider's.
  provider_id uuid references provider (id) on delete cascade,
  -- It is not there where a child needs it, rather than there where none does.
  missing boolean not null default false,
  -- Since when it is so, as far as anybody can tell.
  began_at timestamptz not null,
  found_at timestamptz not null,
  primary key (kind, name)
);

-- By which a node of a child gets a certificate of ours: once, and soon.
create table bootstrap_token (
  digest bytea primary key check (length(digest) = 32),
  child_id uuid not null references child (id),
  purpose text not null check (purpose in ('node', 'replica')),
  -- The instance's id, or the name of the replica's role.
  subject text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  -- The public key that was certified: a lost answer is given again to whoever has it.
  consumed_by bytea,
  -- The certificate that was answered, leaf first.
  chain bytea[],
  constraint bootstrap_token_answered check (chain is null or consumed_by is not null),
  constraint bootstrap_token_consumed check ((consumed_at is null) = (consumed_by is null))
);
create index bootstrap_token_over on bootstrap_token (expires_at);

-- Identities that came with a payload of which another had been booted already. Told of once each.
create table clone (
  child_id uuid not null references child (id),
  identity_fingerprint bytea not null check (length(identity_fingerprint) = 32),
  source_address text not null,
  reported_at timestamptz not null,
  primary key (child_id, identity_fingerprint)
);

-- A child moves forward, or is undone, and what it was made of stays what it was.
create function guard_child() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.state <> new.state and (old.state, new.state) not in (
    ('preparing', 'provisioning'), ('provisioning', 'booting'), ('booting', 'joining'), ('joining', 'active'),
    ('preparing', 'undoing'), ('provisioning', 'undoing'), ('booting', 'undoing'), ('joining', 'undoing'),
    ('active', 'undoing'), ('undoing', 'gone')
  ) then
    raise exception 'child % is %, and cannot become %', old.id, old.state, new.state using errcode = 'check_violation';
  end if;
  if (new.id, new.request_id, new.hostname, new.spawn_mode, new.instance_id, new.template_id, new.provider_id, new.created_by)
    is distinct from (old.id, old.request_id, old.hostname, old.spawn_mode, old.instance_id, old.template_id,
      old.provider_id, old.created_by)
    or (old.peer_id is not null and new.peer_id is distinct from old.peer_id)
    or (old.platform_id is not null and new.platform_id is distinct from old.platform_id)
  then
    raise exception 'child % cannot be rewritten', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger child_guarded before update on child for each row execute function guard_child();

-- Whoever watches a child looks again.
create function tell_child() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('spawn_provisioner_children', new.id::text);
  return null;
end
$$;
create trigger child_told after insert or update on child for each row execute function tell_child();
create function tell_child_of_step() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('spawn_provisioner_children', new.child_id::text);
  return null;
end
$$;
create trigger step_told after update on step for each row execute function tell_child_of_step();

grant usage on schema spawn_provisioner to spawn_provisioner;
grant select, insert, update on template, child, step, instance, clone to spawn_provisioner;
grant select, insert, update, delete on provider, region, instance_type, orphan, bootstrap_token to spawn_provisioner;
