-- What spawn-provisioner may do to the platform's Postgres so that a cluster_member can follow it, and nothing else.
--
-- Installed by `prepareDatabases`, as superuser, into the platform's database. May be run again. Each function runs with its
-- owner's rights and is limited to names that begin with powernode_repl_; only the role spawn_provisioner may call them.
-- A role's password never comes here: we are given the verifier that Postgres would make of it (RFC 5802, RFC 7677).

create schema if not exists replication_admin;
revoke all on schema replication_admin from public;

-- Whose LOGIN was taken by a fence. It is written before the fence is, so it is in every copy of the database.
create table if not exists replication_admin.fenced_role (
  role_name text primary key
);
revoke all on replication_admin.fenced_role from public;

create or replace function replication_admin.check_slot(slot text) returns void
language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
begin
  if slot is null or slot !~ '^powernode_repl_[0-9a-f]{32}$' then
    raise exception 'not the slot of a cluster_member: %', slot using errcode = 'invalid_name';
  end if;
end $$;

create or replace function replication_admin.check_role(role_name text) returns void
language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
begin
  if role_name is null or role_name !~ '^powernode_repl_[0-9a-f]{16}$' then
    raise exception 'not the role of a cluster_member: %', role_name using errcode = 'invalid_name';
  end if;
end $$;

-- A physical slot that holds back WAL from this moment. One that lost its WAL is made anew: nobody can follow it any more.
create or replace function replication_admin.make_slot(slot text) returns pg_lsn
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  begins pg_lsn;
begin
  perform replication_admin.check_slot(slot);
  perform pg_advisory_xact_lock(hashtextextended('replication_admin.' || slot, 0));
  if exists (select from pg_replication_slots s where s.slot_name = slot and s.wal_status = 'lost') then
    perform pg_drop_replication_slot(slot);
  end if;
  if not exists (select from pg_replication_slots s where s.slot_name = slot) then
    -- A slot begins at the last checkpoint. One that lies far back could be more than the slot may hold already.
    if (select pg_wal_lsn_diff(pg_current_wal_lsn(), c.redo_lsn) from pg_control_checkpoint() c) > 16777216 then checkpoint; end if;
    perform pg_create_physical_replication_slot(slot, true);
  end if;
  select s.restart_lsn into begins from pg_replication_slots s where s.slot_name = slot;
  return begins;
end $$;

-- Whoever follows it is cut off. Safe to repeat.
create or replace function replication_admin.drop_slot(slot text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  holder integer;
begin
  perform replication_admin.check_slot(slot);
  perform pg_advisory_xact_lock(hashtextextended('replication_admin.' || slot, 0));
  for attempt in 1 .. 20 loop
    select s.active_pid into holder from pg_replication_slots s where s.slot_name = slot;
    if not found then return attempt > 1; end if;
    if holder is not null then perform pg_terminate_backend(holder, 2000); end if;
    begin
      perform pg_drop_replication_slot(slot);
      return true;
    exception when object_in_use then null; -- it came back between the two
    end;
  end loop;
  raise exception 'the slot % does not stay free: end its role first', slot using errcode = 'object_in_use';
end $$;

-- The role by which one member logs in to replicate, and do nothing else. Also gives a living one another password.
create or replace function replication_admin.make_role(role_name text, verifier text, valid_until timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  verb text := 'create';
  today timestamptz := timeofday()::timestamptz; -- the server's own clock, by which it judges VALID UNTIL
begin
  perform replication_admin.check_role(role_name);
  if verifier is null or verifier !~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' then
    raise exception 'a verifier, never a password' using errcode = 'invalid_password';
  end if;
  if valid_until is null or valid_until > today + interval '31 days' then
    raise exception 'a role of a member ends within 30 days' using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('replication_admin.' || role_name, 0));
  if exists (select from pg_roles r where r.rolname = role_name) then verb := 'alter'; end if;
  execute format(
    '%s role %I with login replication nosuperuser nocreatedb nocreaterole nobypassrls noinherit connection limit 4 '
    'password %L valid until %L', verb, role_name, verifier, valid_until);
end $$;

-- Its sessions end at once; it cannot log in again. Safe to repeat.
create or replace function replication_admin.drop_role(role_name text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  had boolean;
begin
  perform replication_admin.check_role(role_name);
  perform pg_advisory_xact_lock(hashtextextended('replication_admin.' || role_name, 0));
  had := exists (select from pg_roles r where r.rolname = role_name);
  if had then
    execute format('alter role %I nologin', role_name);
    execute format('drop role %I', role_name);
  end if;
  perform pg_terminate_backend(a.pid, 2000) from pg_stat_activity a where a.usename = role_name;
  return had;
end $$;

-- Every slot and role of members, with how far each has come. Of a slot nobody follows, what is NULL is not known.
create or replace function replication_admin.watch() returns table (
  slot_name text, role_name text, active boolean, state text, wal_status text, invalidation_reason text,
  retained_bytes bigint, safe_bytes bigint, sent_lsn pg_lsn, replay_lsn pg_lsn, replay_lag_bytes bigint,
  replay_lag_seconds double precision, address inet)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with at as (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn)
  select s.slot_name::text, r.usename::text, s.active, r.state, s.wal_status, s.invalidation_reason,
         pg_wal_lsn_diff(at.lsn, s.restart_lsn)::bigint, s.safe_wal_size, r.sent_lsn, r.replay_lsn,
         greatest(pg_wal_lsn_diff(at.lsn, r.replay_lsn), 0)::bigint, extract(epoch from r.replay_lag)::double precision,
         r.client_addr
  from pg_replication_slots s cross join at left join pg_stat_replication r on r.pid = s.active_pid
  where s.slot_type = 'physical' and s.slot_name ~ '^powernode_repl_[0-9a-f]{32}$'
$$;

create or replace function replication_admin.list_roles() returns table (role_name text, can_login boolean, valid_until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select r.rolname::text, r.rolcanlogin, r.rolvaliduntil from pg_roles r where r.rolname ~ '^powernode_repl_[0-9a-f]{16}$'
$$;

-- What a member must know of this server, and what a fence and a promotion are judged by.
create or replace function replication_admin.facts() returns table (
  system_identifier text, timeline integer, lsn pg_lsn, in_recovery boolean, major integer, keep_bytes bigint,
  wal_level text, fenced boolean)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select s.system_identifier::text,
         case when pg_is_in_recovery() then c.timeline_id
              else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end,
         case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end,
         pg_is_in_recovery(), current_setting('server_version_num')::integer / 10000,
         (select k.setting::bigint * 1048576 from pg_settings k where k.name = 'max_slot_wal_keep_size' and k.setting::bigint >= 0),
         current_setting('wal_level'),
         exists (select from pg_db_role_setting d
                 where d.setdatabase = (select oid from pg_database where datname = current_database()) and d.setrole = 0
                   and 'default_transaction_read_only=on' = any (d.setconfig))
  from pg_control_system() s, pg_control_checkpoint() c
$$;

-- Fence, first: every session from now on begins read-only, whoever opens it.
create or replace function replication_admin.fence_gate() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  execute format('alter database %I set default_transaction_read_only = on', current_database());
end $$;

-- Fence, second: no service logs in any more, nor any member but the one that is to take over. The caller's own role stays,
-- read-only, so that the fence can be looked at and lifted. Answers with all whose LOGIN is taken.
create or replace function replication_admin.fence_roles(keep_role text) returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one text;
begin
  if keep_role is not null then perform replication_admin.check_role(keep_role); end if;
  for one in
    select r.rolname from pg_roles r
    where r.rolcanlogin and not r.rolsuper and r.rolname not in (session_user, coalesce(keep_role, session_user))
    order by r.rolname
  loop
    insert into replication_admin.fenced_role values (one) on conflict do nothing;
    execute format('alter role %I nologin', one);
  end loop;
  return query select f.role_name from replication_admin.fenced_role f order by f.role_name;
end $$;

-- Fence, third: whoever is still connected is cut off. Answers with how many are left, the caller and the kept member not
-- counted; 0 says that nobody can write. What is prepared in two phases could still be committed, so it counts as well.
create or replace function replication_admin.fence_sessions(keep_role text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_terminate_backend(a.pid) from pg_stat_activity a
  where a.backend_type in ('client backend', 'walsender') and a.pid <> pg_backend_pid() and a.usename is distinct from keep_role;
  return (select count(*) from pg_stat_activity a
          where a.backend_type in ('client backend', 'walsender') and a.pid <> pg_backend_pid()
            and a.usename is distinct from keep_role)
       + (select count(*) from pg_prepared_xacts);
end $$;

-- Whoever could log in before the fence can again, and sessions begin as they did. On the server that is the primary, only.
create or replace function replication_admin.unfence() returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one text;
begin
  for one in select f.role_name from replication_admin.fenced_role f join pg_roles r on r.rolname = f.role_name order by 1 loop
    execute format('alter role %I login', one);
    return next one;
  end loop;
  delete from replication_admin.fenced_role;
  execute format('alter database %I reset default_transaction_read_only', current_database());
end $$;

revoke all on all functions in schema replication_admin from public;
grant usage on schema replication_admin to spawn_provisioner;
grant execute on function
  replication_admin.make_slot(text), replication_admin.drop_slot(text),
  replication_admin.make_role(text, text, timestamptz), replication_admin.drop_role(text),
  replication_admin.watch(), replication_admin.list_roles(), replication_admin.facts(),
  replication_admin.fence_gate(), replication_admin.fence_roles(text), replication_admin.fence_sessions(text),
  replication_admin.unfence()
to spawn_provisioner;
