-- breaking: no

-- Named sets of permissions. Those that come with the platform stay as they are.
create table role (
  name text collate "C" primary key check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  permissions text[] not null,
  built_in boolean not null,
  constraint role_permissions_known check (permissions <@ array[
    'system.federation.read', 'system.federation_peers.manage', 'system.federation_grants.manage',
    'system.federation_residency.manage', 'system.federation_resources.manage', 'system.federation_ca.manage',
    'system.federation.spawn', 'system.sdwan.manage', 'system.infra_tasks.control', 'system.operators.manage'])
);

-- Our own people, and the programs that act for them. The name is that of the certificate.
create table operator (
  name text collate "C" primary key check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  kind text not null check (kind in ('person', 'agent')),
  paused boolean not null,
  note text not null check (length(note) <= 256),
  set_by text not null,
  set_at timestamptz not null
);

create table operator_role (
  operator text collate "C" not null references operator (name) on delete cascade,
  role text collate "C" not null references role (name),
  primary key (operator, role)
);
create index operator_role_by_role on operator_role (role);

-- Subjects of the OpenID Connect issuer, compared byte by byte. A subject is one operator's.
create table operator_subject (
  subject text collate "C" primary key check (length(subject) between 1 and 255),
  operator text collate "C" not null references operator (name) on delete cascade
);
create index operator_subject_by_operator on operator_subject (operator);

-- The issuer of the configuration, and its keys as they were last read. One row, or none.
create table token_issuer (
  one boolean primary key default true check (one),
  issuer text collate "C" not null,
  audience text collate "C" not null check (audience <> ''),
  algorithms text[] not null check (cardinality(algorithms) > 0),
  -- A JWK Set of public keys. Empty: not read yet, so nobody is let in by it.
  jwks text not null check (length(jwks) <= 65536),
  -- When the issuer last said that these are its keys.
  confirmed_at timestamptz
);

-- There is always a person who can put everything right. Asked at the end of the transaction, one at a time, so that of
-- two who remove one another the second stays.
create function guard_last_admin() returns trigger language plpgsql set search_path from current as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(current_schema() || '.operators', 0));
  if not exists (
    select 1 from operator join operator_role on operator_role.operator = operator.name
    where operator_role.role = 'admin' and operator.kind = 'person' and not operator.paused
  ) then
    raise exception 'nobody would be left who is admin' using errcode = 'check_violation', constraint = 'operator_last_admin';
  end if;
  return null;
end
$$;
create constraint trigger operator_last_admin after update or delete on operator
  deferrable initially deferred for each row execute function guard_last_admin();
create constraint trigger operator_role_last_admin after update or delete on operator_role
  deferrable initially deferred for each row execute function guard_last_admin();

create function guard_role() returns trigger language plpgsql set search_path from current as $$
begin
  if old.built_in or new.built_in then
    raise exception 'role % comes with the platform', old.name using errcode = 'check_violation';
  end if;
  return coalesce(new, old);
end
$$;
create trigger role_guarded before update or delete on role for each row execute function guard_role();

-- Whatever services need to know whom to obey is told as a whole, whenever something of it changed: also by hand.
create function tell_operators() returns trigger language plpgsql security definer set search_path from current as $$
begin
  perform feed_epoch('operators');
  return null;
end
$$;
create trigger role_told after insert or update or delete on role
  for each row execute function tell_operators();
create trigger operator_told after insert or update or delete on operator
  for each row execute function tell_operators();
create trigger operator_role_told after insert or update or delete on operator_role
  for each row execute function tell_operators();
create trigger operator_subject_told after insert or update or delete on operator_subject
  for each row execute function tell_operators();
-- That the same keys were confirmed is no news.
create trigger token_issuer_told after insert or delete on token_issuer
  for each row execute function tell_operators();
create trigger token_issuer_changed after update on token_issuer
  for each row when ((new.issuer, new.audience, new.algorithms, new.jwks)
    is distinct from (old.issuer, old.audience, old.algorithms, old.jwks)) execute function tell_operators();

insert into role (name, built_in, permissions) values
  ('viewer', true, array['system.federation.read']),
  ('agent', true, array['system.federation.read', 'system.federation_peers.manage', 'system.federation_grants.manage',
    'system.federation_residency.manage', 'system.federation_resources.manage', 'system.sdwan.manage']),
  ('operator', true, array['system.federation.read', 'system.federation_peers.manage', 'system.federation_grants.manage',
    'system.federation_residency.manage', 'system.federation_resources.manage', 'system.federation.spawn',
    'system.sdwan.manage', 'system.infra_tasks.control']),
  ('admin', true, array['system.federation.read', 'system.federation_peers.manage', 'system.federation_grants.manage',
    'system.federation_residency.manage', 'system.federation_resources.manage', 'system.federation_ca.manage',
    'system.federation.spawn', 'system.sdwan.manage', 'system.infra_tasks.control', 'system.operators.manage']);

grant select, insert, update, delete on role, operator, operator_role, operator_subject, token_issuer to grant_authz;
