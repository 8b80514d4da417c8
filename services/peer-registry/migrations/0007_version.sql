-- breaking: no

-- Which platform versions work together. An operator's rule goes before a default one, and both before N-1 (src/version.ts).
-- Default rules come with a release, each in a migration of its own; this release needs none.
create table version_rule (
  id uuid primary key,
  -- A version, or the beginning of one that stands for all that begin so.
  local_version text not null check (local_version ~ '^[0-9]{1,5}(\.[0-9]{1,5}){0,2}$'),
  remote_version text not null check (remote_version ~ '^[0-9]{1,5}(\.[0-9]{1,5}){0,2}$'),
  status text not null check (status in ('compatible', 'degraded', 'incompatible')),
  source text not null check (source in ('operator', 'default')),
  refused_kinds jsonb not null default '[]',
  notes text not null default '',
  set_by text not null,
  set_at timestamptz not null,
  constraint version_rule_once unique (local_version, remote_version, source),
  constraint version_rule_refuses_when_degraded check (status = 'degraded' or refused_kinds = '[]')
);

create function guard_version_rule() returns trigger language plpgsql as $$
begin
  if old.source = 'default' then
    raise exception 'version rule % comes with the release', old.id using errcode = 'check_violation';
  end if;
  return coalesce(new, old);
end
$$;
create trigger version_rule_guarded before update or delete on version_rule
  for each row execute function guard_version_rule();

-- The version that we are of; empty: nobody has said.
alter table platform add column platform_version text not null default '';

-- What each running process of this service was told of it. While an upgrade rolls they differ.
create table told_version (
  process_id uuid primary key,
  version text not null,
  seen_at timestamptz not null
);

-- How we stand with each peer by the rules in force; empty before it has said its version. Whoever works with us for
-- heartbeats alone is not active.
alter table peer
  add column version_status text not null default '' check (version_status in ('', 'compatible', 'degraded', 'incompatible')),
  add column refused_kinds jsonb not null default '[]',
  add constraint peer_active_is_compatible check (state <> 'active' or version_status <> 'incompatible');

grant select, insert, update, delete on version_rule, told_version to peer_registry;
