-- breaking: no

-- Where data may go. A place, and the larger one it lies in; compared byte by byte.
create table region (
  name text collate "C" primary key check (name ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  parent text collate "C" references region (name),
  constraint region_not_in_itself check (parent <> name)
);
create index region_by_parent on region (parent);

-- One row: what holds for every peer, and the lock under which rules and regions change. Rules and regions are told as
-- a whole, so its epoch is that of all of them.
create table residency_settings (
  one boolean primary key default true check (one),
  default_mode text not null default 'advise' check (default_mode in ('off', 'advise', 'enforce')),
  -- Where our own data is unless a resource says otherwise; null: unknown.
  home_region text collate "C" references region (name),
  -- What HOME_REGION said was taken, once: afterwards operators decide.
  begun boolean not null default false,
  epoch bigint not null default 0
);

-- Data of a class may go to these regions only.
create table residency_rule (
  id uuid primary key,
  -- Null: for every peer.
  peer_id uuid,
  data_class text not null check (data_class ~ '^(\*|[a-z0-9][a-z0-9._-]{0,63})$'),
  allowed_regions text[] not null check (cardinality(allowed_regions) between 1 and 32),
  -- Empty: as the peer's.
  mode text not null check (mode in ('', 'off', 'advise', 'enforce')),
  set_by text not null,
  set_at timestamptz not null
);

-- One row for each peer that was given a tag or a mode by us, or declared where it is.
create table peer_residency (
  peer_id uuid primary key,
  -- Where data that goes to the peer has to stay; null: no tag of ours.
  tag text collate "C" references region (name),
  -- Empty: enforce where there is a tag, else the default.
  mode text not null default '' check (mode in ('', 'off', 'advise', 'enforce')),
  reason text not null default '' check (length(reason) <= 256),
  set_by text not null default '',
  set_at timestamptz,
  -- What the peer said of itself when the tag was set: it has to be allowed as well as what it says now.
  located text not null default '' check (length(located) <= 64),
  -- What the peer says of itself, in its own words.
  declared text not null default '' check (length(declared) <= 64),
  -- Declarations outside of the tag that were announced since it was set: each once, and no more than so many.
  announced text[] not null default '{}' check (cardinality(announced) <= 16),
  epoch bigint not null default 0,
  constraint residency_located_by_a_tag check (tag is not null or located = '')
);
create index peer_residency_by_epoch on peer_residency (epoch);
create index peer_residency_by_tag on peer_residency (tag);

-- One call that residency forbids, allowed once.
create table residency_override (
  id uuid primary key,
  peer_id uuid not null,
  resource_kind text not null check (length(resource_kind) between 1 and 64),
  -- Empty: any of the kind.
  resource_id text not null check (length(resource_id) <= 128),
  reason text not null check (length(reason) between 1 and 256),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  decision_id uuid,
  used_at timestamptz,
  revoked_at timestamptz,
  -- No gateway is told of it any more: used, revoked, or found to be over.
  withdrawn_at timestamptz,
  epoch bigint not null default 0,
  constraint override_lasts check (expires_at between created_at + interval '1 minute' and created_at + interval '1 day'),
  constraint override_used_by_a_decision check ((decision_id is null) = (used_at is null)),
  constraint override_used_or_revoked check (used_at is null or revoked_at is null),
  constraint override_withdrawn_when_over check (withdrawn_at is not null or (used_at is null and revoked_at is null))
);
create index residency_override_by_peer on residency_override (peer_id, id);
create index residency_override_by_epoch on residency_override (epoch);
create index residency_override_open on residency_override (expires_at) where withdrawn_at is null;

-- What was used or revoked stays so, and nobody turns an override into another: the owner neither.
create function guard_override() returns trigger language plpgsql set search_path from current as $$
begin
  if (new.id, new.peer_id, new.resource_kind, new.resource_id, new.reason, new.created_by, new.created_at, new.expires_at)
    is distinct from (old.id, old.peer_id, old.resource_kind, old.resource_id, old.reason, old.created_by,
      old.created_at, old.expires_at)
    or (old.used_at is not null and (new.used_at, new.decision_id) is distinct from (old.used_at, old.decision_id))
    or (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at)
    or (old.withdrawn_at is not null and new.withdrawn_at is distinct from old.withdrawn_at)
  then
    raise exception 'override % stands as it was made', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger override_guarded before update on residency_override for each row execute function guard_override();

create trigger residency_settings_told before insert or update on residency_settings
  for each row execute function feed_stamp('policy');
create trigger residency_override_told before insert or update on residency_override
  for each row execute function feed_stamp('policy');
-- What a peer says of itself is no policy: it must not be able to make epochs.
create trigger peer_residency_told before insert on peer_residency
  for each row when (new.tag is not null or new.mode <> '') execute function feed_stamp('policy');
create trigger peer_residency_changed before update on peer_residency
  for each row when ((new.tag, new.mode, new.located) is distinct from (old.tag, old.mode, old.located))
  execute function feed_stamp('policy');

-- A change of a rule or a region is one of the whole. Takes the row that is the lock.
create function tell_residency() returns trigger language plpgsql set search_path from current as $$
begin
  update residency_settings set epoch = 0;
  return null;
end
$$;
create trigger residency_rule_told after insert or update or delete on residency_rule
  for each row execute function tell_residency();

-- Regions lie in one another without going round; and none goes while a rule stands on it.
create function guard_regions() returns trigger language plpgsql set search_path from current as $$
begin
  update residency_settings set epoch = 0;
  if tg_op = 'DELETE' then
    if exists (select 1 from residency_rule where old.name = any (allowed_regions)) then
      raise exception 'a rule stands on region %', old.name using errcode = 'foreign_key_violation';
    end if;
  elsif exists (
    with recursive above as (
      select parent from region where name = new.name
      union
      select region.parent from region join above on region.name = above.parent
    )
    select 1 from above where parent = new.name
  ) then
    raise exception 'region % would lie in itself', new.name using errcode = 'check_violation';
  end if;
  return null;
end
$$;
create trigger region_guarded after insert or update or delete on region
  for each row execute function guard_regions();

-- A rule names regions that there are.
create function guard_rule() returns trigger language plpgsql set search_path from current as $$
begin
  if exists (select 1 from unnest(new.allowed_regions) as named (name)
    where not exists (select 1 from region where region.name = named.name)) then
    raise exception 'rule % names a region that there is not', new.id using errcode = 'foreign_key_violation';
  end if;
  return null;
end
$$;
create trigger residency_rule_guarded after insert or update on residency_rule
  for each row execute function guard_rule();

insert into residency_settings default values;
insert into region (name, parent) values
  ('eu', null), ('eu-west', 'eu'), ('eu-west-1', 'eu-west'), ('eu-west-2', 'eu-west'), ('eu-west-3', 'eu-west'),
  ('eu-central', 'eu'), ('eu-central-1', 'eu-central'), ('eu-north', 'eu'), ('eu-north-1', 'eu-north'),
  ('eu-south', 'eu'), ('eu-south-1', 'eu-south'),
  ('ch', null), ('ch-zurich-1', 'ch'), ('uk', null), ('uk-south-1', 'uk'), ('no', null),
  ('us', null), ('us-east', 'us'), ('us-east-1', 'us-east'), ('us-east-2', 'us-east'),
  ('us-west', 'us'), ('us-west-1', 'us-west'), ('us-west-2', 'us-west'),
  ('ca', null), ('ca-central-1', 'ca'), ('sa', null), ('sa-east-1', 'sa'),
  ('ap', null), ('ap-northeast-1', 'ap'), ('ap-south-1', 'ap'), ('ap-southeast-1', 'ap'), ('ap-southeast-2', 'ap'),
  ('af', null), ('af-south-1', 'af'), ('me', null), ('me-central-1', 'me');

grant select, insert, update, delete on region, residency_rule to grant_authz;
grant select, update on residency_settings to grant_authz;
grant select, insert, update on peer_residency, residency_override to grant_authz;
