-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema grant_authz to grant_authz;

CREATE OR REPLACE FUNCTION grant_authz.are_cidrs(list text[])
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
begin
  return not exists (
    select 1 from unnest(list) as entry where entry <> '*' and (entry not like '%/%' or entry::cidr is null)
  );
exception when invalid_text_representation then
  return false;
end
$function$;
grant execute on function are_cidrs(text[]) to grant_authz;

CREATE OR REPLACE FUNCTION grant_authz.count_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
begin
  if tg_op = 'UPDATE' and new.revision <= old.revision then
    raise exception 'the revision of % % has to grow', old.kind, old.id using errcode = 'check_violation';
  end if;
  update resource_change set last = last + 1 returning last into new.change;
  perform pg_notify('grant_authz_resource', new.kind);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.feed_epoch(feed_name text)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
declare
  drawn bigint := nullif(current_setting('powernode_feed.' || feed_name, true), '');
begin
  if drawn is not null then
    return drawn;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(current_schema() || '.feed.' || feed_name, 0));
  begin
    insert into feed_epoch (feed, epoch, mark)
      select feed_name, coalesce(max(epoch), 0) + 1, uuid_send(gen_random_uuid()) from feed_epoch where feed = feed_name
      returning epoch into drawn;
  exception when unique_violation then
    -- A snapshot older than the last epoch (repeatable read): begun anew it will succeed.
    raise exception 'the feed has gone on since this transaction began' using errcode = 'serialization_failure';
  end;
  delete from feed_epoch where feed = feed_name and epoch <= drawn - 100000;
  perform set_config('powernode_feed.' || feed_name, drawn::text, true);
  perform pg_notify(current_schema() || '_feed', feed_name);
  return drawn;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.feed_stamp()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'grant_authz'
AS $function$
begin
  new.epoch := feed_epoch(tg_argv[0]);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if (old.state, new.state) not in (
    ('pending', 'approved'), ('pending', 'rejected'), ('pending', 'timed_out'),
    ('approved', 'executed'), ('approved', 'failed')
  ) then
    raise exception 'approval % is %, and cannot become %', old.id, old.state, new.state using errcode = 'check_violation';
  end if;
  if (new.id, new.action, new.summary, new.effects, new.plan_type, new.plan, new.plan_sha256, new.owner, new.requested_by,
      new.requested_at, new.expires_at, new.approvers_needed, new.autonomous, new.request_id)
    is distinct from (old.id, old.action, old.summary, old.effects, old.plan_type, old.plan, old.plan_sha256, old.owner,
      old.requested_by, old.requested_at, old.expires_at, old.approvers_needed, old.autonomous, old.request_id)
    or new.peer_id is distinct from old.peer_id
  then
    raise exception 'approval % cannot be rewritten', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_bridge()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_executed_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.outcome <> 'trying' and new is distinct from old then
    raise exception 'approval % was carried out', old.approval_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_last_admin()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_new_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.state <> 'pending' then
    raise exception 'approval % begins as %', new.id, new.state using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_new_bridge()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz', 'pg_temp'
AS $function$
begin
  if new.state <> 'proposed' then
    raise exception 'bridge % begins as %', new.id, new.state using errcode = 'check_violation';
  end if;
  if exists (select 1 from peer where id = new.peer_id and revoked_at is not null) then
    raise exception 'peer % is revoked for good', new.peer_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_new_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz', 'pg_temp'
AS $function$
begin
  if exists (select 1 from peer where id = new.peer_id and revoked_at is not null) then
    raise exception 'peer % is revoked for good', new.peer_id using errcode = 'check_violation';
  end if;
  if exists (select 1 from grant_settings where new.ttl_ms > longest_ttl_ms) then
    raise exception 'grant % would last longer than the platform allows', new.id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_override()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_peer()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_received_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.revision < old.revision then
    raise exception 'of grant % a newer notice is here', old.grant_id using errcode = 'check_violation';
  end if;
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'grant % is revoked for good', old.grant_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_regions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_role()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
begin
  if old.built_in or new.built_in then
    raise exception 'role % comes with the platform', old.name using errcode = 'check_violation';
  end if;
  return coalesce(new, old);
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_rule()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
begin
  if exists (select 1 from unnest(new.allowed_regions) as named (name)
    where not exists (select 1 from region where region.name = named.name)) then
    raise exception 'rule % names a region that there is not', new.id using errcode = 'foreign_key_violation';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_settings()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.revision <> old.revision + 1 then
    raise exception 'the settings have changed meanwhile' using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_vote()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
begin
  if not exists (select 1 from approval where id = new.approval_id and state = 'pending') then
    raise exception 'approval % is decided', new.approval_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.is_axis(list text[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select cardinality(list) <= 256 and grant_authz.is_set(list) and (cardinality(list) <= 1 or '*' <> all (list))
    and not exists (select 1 from unnest(list) as entry where entry is null or length(entry) not between 1 and 64)
$function$;
grant execute on function is_axis(text[]) to grant_authz;

CREATE OR REPLACE FUNCTION grant_authz.is_set(list text[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select cardinality(list) <= 1 or cardinality(list) = (select count(distinct entry) from unnest(list) as entry)
$function$;
grant execute on function is_set(text[]) to grant_authz;

CREATE OR REPLACE FUNCTION grant_authz.sealed_under_newest()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION grant_authz.tell_kinds()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
begin
  update catalogue set epoch = 0;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.tell_operators()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'grant_authz'
AS $function$
begin
  perform feed_epoch('operators');
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.tell_residency()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'grant_authz'
AS $function$
begin
  update residency_settings set epoch = 0;
  return null;
end
$function$;

create table approval (
  id uuid not null,
  action text not null,
  state text not null,
  summary text not null,
  effects text[] not null,
  plan_type text not null,
  plan bytea not null,
  plan_sha256 bytea not null,
  owner text not null,
  requested_by text not null,
  requested_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  approvers_needed integer not null,
  autonomous boolean not null,
  peer_id uuid,
  request_id text not null,
  decided_at timestamp with time zone,
  executed_at timestamp with time zone,
  failure_reason text not null default ''::text,
  failure_message text not null default ''::text,
  constraint approval_pkey PRIMARY KEY (id),
  constraint approval_action_fkey FOREIGN KEY (action) REFERENCES approval_policy(action),
  constraint approval_approvers_needed_check CHECK (((approvers_needed >= 1) AND (approvers_needed <= 16))),
  constraint approval_check CHECK (((requested_by ~ '^operator/'::text) OR (requested_by = owner))),
  constraint approval_decided CHECK (((state = 'pending'::text) = (decided_at IS NULL))),
  constraint approval_effects_check CHECK ((cardinality(effects) <= 1000)),
  constraint approval_executed CHECK (((state = ANY (ARRAY['executed'::text, 'failed'::text])) = (executed_at IS NOT NULL))),
  constraint approval_failed CHECK (((state = 'failed'::text) = (failure_reason <> ''::text))),
  constraint approval_failure_message_check CHECK ((length(failure_message) <= 1000)),
  constraint approval_failure_reason_check CHECK ((length(failure_reason) <= 64)),
  constraint approval_owner_check CHECK ((owner ~ '^service/'::text)),
  constraint approval_plan_check CHECK ((length(plan) <= 262144)),
  constraint approval_plan_sha256_check CHECK ((length(plan_sha256) = 32)),
  constraint approval_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'timed_out'::text, 'executed'::text, 'failed'::text]))),
  constraint approval_summary_check CHECK (((length(summary) >= 1) AND (length(summary) <= 512))),
  constraint approval_takes_time CHECK ((expires_at > requested_at))
);
CREATE INDEX approval_approved ON grant_authz.approval USING btree (owner, decided_at) WHERE (state = 'approved'::text);
CREATE INDEX approval_by_peer ON grant_authz.approval USING btree (peer_id, id);
CREATE INDEX approval_pending ON grant_authz.approval USING btree (expires_at) WHERE (state = 'pending'::text);
CREATE UNIQUE INDEX approval_pending_once ON grant_authz.approval USING btree (requested_by, plan_sha256) WHERE (state = 'pending'::text);
CREATE TRIGGER approval_guarded BEFORE UPDATE ON grant_authz.approval FOR EACH ROW EXECUTE FUNCTION guard_approval();
CREATE TRIGGER approval_guarded_when_new BEFORE INSERT ON grant_authz.approval FOR EACH ROW EXECUTE FUNCTION guard_new_approval();
CREATE TRIGGER approval_told AFTER INSERT OR UPDATE ON grant_authz.approval FOR EACH ROW WHEN ((new.state = ANY (ARRAY['approved'::text, 'executed'::text, 'failed'::text]))) EXECUTE FUNCTION tell_operators();
grant insert, select, update on approval to grant_authz;

create table approval_policy (
  action text not null,
  verb text not null,
  approvers integer not null default 1,
  description text not null,
  set_by text not null default ''::text,
  set_at timestamp with time zone,
  own_verb text,
  own_approvers integer,
  constraint approval_policy_pkey PRIMARY KEY (action),
  constraint approval_policy_action_check CHECK (((action ~ '^[a-z_]+(\.[a-z0-9_]+)+$'::text) AND (length(action) <= 128))),
  constraint approval_policy_approvers_check CHECK (((approvers >= 1) AND (approvers <= 16))),
  constraint approval_policy_own_approvers_check CHECK (((own_approvers >= 1) AND (own_approvers <= 16))),
  constraint approval_policy_own_verb_check CHECK ((own_verb = ANY (ARRAY['auto_approve'::text, 'notify_and_proceed'::text, 'require_approval'::text, 'blocked'::text]))),
  constraint approval_policy_remembers CHECK ((((set_by ~~ 'peer/%'::text) = (own_verb IS NOT NULL)) AND ((own_verb IS NULL) = (own_approvers IS NULL)))),
  constraint approval_policy_verb_check CHECK ((verb = ANY (ARRAY['auto_approve'::text, 'notify_and_proceed'::text, 'require_approval'::text, 'blocked'::text])))
);
CREATE TRIGGER approval_policy_told AFTER INSERT OR UPDATE ON grant_authz.approval_policy FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant select, update on approval_policy to grant_authz;

create table approval_vote (
  approval_id uuid not null,
  voter text not null,
  approves boolean not null,
  reason text not null,
  at timestamp with time zone not null,
  constraint approval_vote_pkey PRIMARY KEY (approval_id, voter, approves),
  constraint approval_vote_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES approval(id),
  constraint approval_vote_reason_check CHECK ((length(reason) <= 256)),
  constraint approval_vote_voter_check CHECK ((voter ~ '^operator/'::text))
);
CREATE TRIGGER approval_vote_guarded BEFORE INSERT ON grant_authz.approval_vote FOR EACH ROW EXECUTE FUNCTION guard_vote();
grant insert, select on approval_vote to grant_authz;

create table autonomy (
  only_one boolean not null default true,
  halted boolean not null,
  reason text not null default ''::text,
  set_by text not null default ''::text,
  since timestamp with time zone,
  constraint autonomy_pkey PRIMARY KEY (only_one),
  constraint autonomy_only_one_check CHECK (only_one),
  constraint autonomy_reason_check CHECK ((length(reason) <= 256))
);
CREATE TRIGGER autonomy_told AFTER INSERT OR UPDATE ON grant_authz.autonomy FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant select, update on autonomy to grant_authz;

create table capability (
  peer_id uuid not null,
  resource_kind text not null,
  direction text not null,
  policy text not null default 'manual'::text,
  conflict_resolution text not null default 'newer_wins_logical_clock'::text,
  filter jsonb not null default '{}'::jsonb,
  set_by text not null,
  set_at timestamp with time zone not null,
  removed_at timestamp with time zone,
  constraint capability_pkey PRIMARY KEY (peer_id, resource_kind, direction),
  constraint capability_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint capability_conflict_resolution_check CHECK ((conflict_resolution = ANY (ARRAY['newer_wins_logical_clock'::text, 'local_wins'::text, 'remote_wins'::text, 'prompt'::text]))),
  constraint capability_direction_check CHECK ((direction = ANY (ARRAY['push_local_to_remote'::text, 'pull_remote_to_local'::text, 'bidirectional'::text, 'migration_only'::text]))),
  constraint capability_filter_check CHECK (((jsonb_typeof(filter) = 'object'::text) AND (octet_length((filter)::text) <= 16384))),
  constraint capability_filter_when_matched CHECK (((policy <> 'on_match_filter'::text) OR (filter <> '{}'::jsonb))),
  constraint capability_policy_check CHECK ((policy = ANY (ARRAY['manual'::text, 'auto_on_change'::text, 'auto_periodic'::text, 'on_match_filter'::text]))),
  constraint capability_resource_kind_check CHECK ((resource_kind ~ '^[A-Za-z][A-Za-z0-9_.-]{0,63}$'::text)),
  constraint capability_set_by_check CHECK ((set_by ~ '^(operator|service)/.+'::text))
);
grant delete, insert, select, update on capability to grant_authz;

create table catalogue (
  one boolean not null default true,
  address text not null default ''::text,
  epoch bigint not null default 0,
  constraint catalogue_pkey PRIMARY KEY (one),
  constraint catalogue_one_check CHECK (one)
);
CREATE TRIGGER catalogue_told BEFORE INSERT OR UPDATE ON grant_authz.catalogue FOR EACH ROW EXECUTE FUNCTION feed_stamp('policy');
grant select, update on catalogue to grant_authz;

create table dead_letter (
  consumer text not null,
  letter_id text not null,
  subject text not null,
  reason text not null,
  detail text not null,
  message bytea not null,
  buried_at timestamp with time zone not null,
  constraint dead_letter_pkey PRIMARY KEY (consumer, letter_id)
);
grant insert, select on dead_letter to grant_authz;

create table executed_approval (
  approval_id uuid not null,
  outcome text not null,
  attempts integer not null default 0,
  failure_reason text not null default ''::text,
  failure_message text not null default ''::text,
  at timestamp with time zone not null,
  constraint executed_approval_pkey PRIMARY KEY (approval_id),
  constraint executed_approval_attempts_check CHECK ((attempts >= 0)),
  constraint executed_approval_failed CHECK (((outcome = 'failed'::text) = (failure_reason <> ''::text))),
  constraint executed_approval_outcome_check CHECK ((outcome = ANY (ARRAY['trying'::text, 'executed'::text, 'failed'::text])))
);
CREATE TRIGGER executed_approval_guarded BEFORE UPDATE ON grant_authz.executed_approval FOR EACH ROW EXECUTE FUNCTION guard_executed_approval();
grant insert, select, update on executed_approval to grant_authz;

create table federation_grant (
  id uuid not null,
  peer_id uuid not null,
  remote_subject text not null,
  resource_kind text not null,
  resource_id text not null default ''::text,
  scopes text[] not null,
  node_instance_ids text[] not null,
  sdwan_network_ids text[] not null,
  source_cidrs text[] not null,
  bound_identities text[] not null default '{}'::text[],
  secret_sha256 bytea not null,
  issued_at timestamp with time zone not null,
  issued_by text not null,
  ttl_ms bigint not null,
  expires_at timestamp with time zone not null,
  renewed_at timestamp with time zone,
  revoked_at timestamp with time zone,
  revoked_by text not null default ''::text,
  revocation_reason text not null default ''::text,
  ended_at timestamp with time zone,
  archived_at timestamp with time zone,
  reminded_at timestamp with time zone,
  delivered_at timestamp with time zone,
  last_changed_at timestamp with time zone not null,
  metadata jsonb not null default '{}'::jsonb,
  revision bigint not null default 1,
  epoch bigint not null default 0,
  constraint federation_grant_pkey PRIMARY KEY (id),
  constraint federation_grant_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint federation_grant_issued_by_check CHECK ((issued_by ~ '^(operator|service)/.+'::text)),
  constraint federation_grant_remote_subject_check CHECK (((length(remote_subject) >= 1) AND (length(remote_subject) <= 256))),
  constraint federation_grant_resource_id_check CHECK ((length(resource_id) <= 128)),
  constraint federation_grant_resource_kind_check CHECK ((resource_kind ~ '^[A-Za-z][A-Za-z0-9_.-]{0,63}$'::text)),
  constraint federation_grant_revision_check CHECK ((revision >= 1)),
  constraint federation_grant_revocation_reason_check CHECK ((length(revocation_reason) <= 256)),
  constraint federation_grant_secret_sha256_check CHECK ((length(secret_sha256) = 32)),
  constraint federation_grant_ttl_ms_check CHECK ((ttl_ms >= 60000)),
  constraint grant_archived_when_over CHECK (((archived_at IS NULL) OR (ended_at IS NOT NULL))),
  constraint grant_axes_sound CHECK (((((node_instance_ids = '{}'::text[]) OR (node_instance_ids = '{*}'::text[])) OR is_axis(node_instance_ids)) AND (((sdwan_network_ids = '{}'::text[]) OR (sdwan_network_ids = '{*}'::text[])) OR is_axis(sdwan_network_ids)) AND (((source_cidrs = '{}'::text[]) OR (source_cidrs = '{*}'::text[])) OR is_axis(source_cidrs)))),
  constraint grant_cidrs_canonical CHECK ((((source_cidrs = '{}'::text[]) OR (source_cidrs = '{*}'::text[])) OR are_cidrs(source_cidrs))),
  constraint grant_ended_when_over CHECK ((((revoked_at IS NULL) OR (ended_at IS NOT NULL)) AND ((ended_at IS NULL) OR (revoked_at IS NOT NULL) OR (ended_at >= expires_at)))),
  constraint grant_identities_sound CHECK (((bound_identities = '{}'::text[]) OR ((cardinality(bound_identities) <= 16) AND is_set(bound_identities) AND (array_to_string(bound_identities, ' '::text) ~ '^((spiffe://[^ ]+|x5t#S256:[A-Za-z0-9_-]{43})( |$))*$'::text)))),
  constraint grant_lasts_a_minute CHECK ((expires_at >= (issued_at + '00:01:00'::interval))),
  constraint grant_metadata_small CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (octet_length((metadata)::text) <= 16384))),
  constraint grant_revoked_by_somebody CHECK (((revoked_at IS NULL) = (revoked_by = ''::text))),
  constraint grant_scopes_known CHECK (((cardinality(scopes) > 0) AND ((cardinality(scopes) = 1) OR is_set(scopes)) AND (scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text, 'migrate'::text])))
);
CREATE INDEX federation_grant_by_end ON grant_authz.federation_grant USING btree (expires_at) WHERE (ended_at IS NULL);
CREATE INDEX federation_grant_by_epoch ON grant_authz.federation_grant USING btree (epoch, id);
CREATE INDEX federation_grant_by_peer ON grant_authz.federation_grant USING btree (peer_id, id);
CREATE UNIQUE INDEX federation_grant_one_live ON grant_authz.federation_grant USING btree (peer_id, remote_subject, resource_kind, resource_id) WHERE (ended_at IS NULL);
CREATE INDEX federation_grant_to_archive ON grant_authz.federation_grant USING btree (ended_at) WHERE ((ended_at IS NOT NULL) AND (archived_at IS NULL));
CREATE INDEX federation_grant_to_remind ON grant_authz.federation_grant USING btree (expires_at) WHERE ((ended_at IS NULL) AND (reminded_at IS NULL));
CREATE INDEX federation_grant_told ON grant_authz.federation_grant USING btree (id) WHERE (archived_at IS NULL);
CREATE TRIGGER grant_fed BEFORE UPDATE ON grant_authz.federation_grant FOR EACH ROW WHEN ((((((((old.scopes IS DISTINCT FROM new.scopes) OR (old.node_instance_ids IS DISTINCT FROM new.node_instance_ids)) OR (old.sdwan_network_ids IS DISTINCT FROM new.sdwan_network_ids)) OR (old.source_cidrs IS DISTINCT FROM new.source_cidrs)) OR (old.bound_identities IS DISTINCT FROM new.bound_identities)) OR (old.expires_at IS DISTINCT FROM new.expires_at)) OR ((old.revoked_at IS DISTINCT FROM new.revoked_at) OR (old.archived_at IS DISTINCT FROM new.archived_at)))) EXECUTE FUNCTION feed_stamp('policy');
CREATE TRIGGER grant_fed_when_new BEFORE INSERT ON grant_authz.federation_grant FOR EACH ROW EXECUTE FUNCTION feed_stamp('policy');
CREATE TRIGGER grant_guarded BEFORE UPDATE ON grant_authz.federation_grant FOR EACH ROW EXECUTE FUNCTION guard_grant();
CREATE TRIGGER grant_guarded_when_new BEFORE INSERT ON grant_authz.federation_grant FOR EACH ROW EXECUTE FUNCTION guard_new_grant();
grant insert, select, update on federation_grant to grant_authz;

create table feed_epoch (
  feed text not null,
  epoch bigint not null,
  mark bytea not null,
  constraint feed_epoch_pkey PRIMARY KEY (feed, epoch),
  constraint feed_epoch_epoch_check CHECK ((epoch >= 1)),
  constraint feed_epoch_mark_check CHECK ((length(mark) = 16))
);
grant select on feed_epoch to grant_authz;

create table feed_replica (
  id uuid not null,
  feed text not null,
  acknowledged bigint not null,
  beats bigint not null,
  leaving boolean not null,
  lease_ms integer not null,
  constraint feed_replica_pkey PRIMARY KEY (id),
  constraint feed_replica_lease_ms_check CHECK (((lease_ms >= 1) AND (lease_ms <= 5000)))
);
grant delete, insert, select, update on feed_replica to grant_authz;

create table grant_notice (
  grant_id uuid not null,
  peer_id uuid not null,
  what text not null,
  sealed_bearer bytea,
  due_at timestamp with time zone not null,
  attempts integer not null default 0,
  last_error text not null default ''::text,
  rings bigint not null default 1,
  correlation_id text not null,
  traceparent text not null,
  constraint grant_notice_pkey PRIMARY KEY (grant_id),
  constraint grant_notice_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES federation_grant(id),
  constraint grant_notice_attempts_check CHECK ((attempts >= 0)),
  constraint grant_notice_what_check CHECK ((what = ANY (ARRAY['issued'::text, 'changed'::text, 'renewed'::text, 'revoked'::text, 'expiring'::text]))),
  constraint notice_bearer_with_issue CHECK (((sealed_bearer IS NULL) OR (what = 'issued'::text)))
);
CREATE INDEX grant_notice_due ON grant_authz.grant_notice USING btree (due_at);
CREATE TRIGGER grant_notice_sealed BEFORE INSERT OR UPDATE OF sealed_bearer ON grant_authz.grant_notice FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('sealed_bearer');
grant delete, insert, select, update on grant_notice to grant_authz;

create table grant_settings (
  only_one boolean not null default true,
  default_ttl_ms bigint not null default '2592000000'::bigint,
  managed_child_ttl_ms bigint not null default '31536000000'::bigint,
  longest_ttl_ms bigint not null default '31622400000'::bigint,
  strict_axes boolean not null default false,
  remind_before_ms bigint not null default 604800000,
  operator_grant boolean not null default true,
  operator_grant_scopes text[] not null default '{read,write,admin}'::text[],
  revision bigint not null default 1,
  epoch bigint not null default 0,
  constraint grant_settings_pkey PRIMARY KEY (only_one),
  constraint grant_settings_only_one_check CHECK (only_one),
  constraint grant_settings_remind_before_ms_check CHECK (((remind_before_ms >= 0) AND (remind_before_ms <= '31622400000'::bigint))),
  constraint grant_settings_revision_check CHECK ((revision >= 1)),
  constraint settings_longest_sensible CHECK (((longest_ttl_ms >= 60000) AND (longest_ttl_ms <= '3155760000000'::bigint))),
  constraint settings_scopes_known CHECK (((cardinality(operator_grant_scopes) > 0) AND (operator_grant_scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text, 'migrate'::text]))),
  constraint settings_ttls_in_range CHECK ((((default_ttl_ms >= 60000) AND (default_ttl_ms <= longest_ttl_ms)) AND ((managed_child_ttl_ms >= 60000) AND (managed_child_ttl_ms <= longest_ttl_ms))))
);
CREATE TRIGGER settings_fed BEFORE INSERT OR UPDATE ON grant_authz.grant_settings FOR EACH ROW EXECUTE FUNCTION feed_stamp('policy');
CREATE TRIGGER settings_guarded BEFORE UPDATE ON grant_authz.grant_settings FOR EACH ROW EXECUTE FUNCTION guard_settings();
grant insert, select, update on grant_settings to grant_authz;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  signed_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON grant_authz.inbox USING btree (handled_at);
grant delete, insert, select on inbox to grant_authz;

create table network_bridge (
  id uuid not null,
  peer_id uuid not null,
  sdwan_network_id text not null,
  state text not null default 'proposed'::text,
  proposed_at timestamp with time zone not null,
  activated_at timestamp with time zone,
  suspended_at timestamp with time zone,
  revoked_at timestamp with time zone,
  revocation_reason text not null default ''::text,
  metadata jsonb not null default '{}'::jsonb,
  revision bigint not null default 1,
  epoch bigint not null default 0,
  constraint network_bridge_pkey PRIMARY KEY (id),
  constraint network_bridge_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint bridge_stamps_fit CHECK ((((state <> 'active'::text) OR (activated_at IS NOT NULL)) AND ((state = 'suspended'::text) = (suspended_at IS NOT NULL)) AND ((state = 'revoked'::text) = (revoked_at IS NOT NULL)))),
  constraint network_bridge_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
  constraint network_bridge_revision_check CHECK ((revision >= 1)),
  constraint network_bridge_revocation_reason_check CHECK ((length(revocation_reason) <= 256)),
  constraint network_bridge_sdwan_network_id_check CHECK ((((length(sdwan_network_id) >= 1) AND (length(sdwan_network_id) <= 64)) AND (sdwan_network_id <> '*'::text))),
  constraint network_bridge_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'active'::text, 'suspended'::text, 'revoked'::text])))
);
CREATE INDEX network_bridge_by_epoch ON grant_authz.network_bridge USING btree (epoch, id);
CREATE INDEX network_bridge_by_peer ON grant_authz.network_bridge USING btree (peer_id, id);
CREATE UNIQUE INDEX network_bridge_one_live ON grant_authz.network_bridge USING btree (peer_id, sdwan_network_id) WHERE (state <> 'revoked'::text);
CREATE TRIGGER bridge_fed BEFORE INSERT OR UPDATE ON grant_authz.network_bridge FOR EACH ROW EXECUTE FUNCTION feed_stamp('policy');
CREATE TRIGGER bridge_guarded BEFORE UPDATE ON grant_authz.network_bridge FOR EACH ROW EXECUTE FUNCTION guard_bridge();
CREATE TRIGGER bridge_guarded_when_new BEFORE INSERT ON grant_authz.network_bridge FOR EACH ROW EXECUTE FUNCTION guard_new_bridge();
grant insert, select, update on network_bridge to grant_authz;

create table operator (
  name text collate "C" not null,
  kind text not null,
  paused boolean not null,
  note text not null,
  set_by text not null,
  set_at timestamp with time zone not null,
  constraint operator_pkey PRIMARY KEY (name),
  constraint operator_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'agent'::text]))),
  constraint operator_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
  constraint operator_note_check CHECK ((length(note) <= 256))
);
CREATE CONSTRAINT TRIGGER operator_last_admin AFTER DELETE OR UPDATE ON grant_authz.operator DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_last_admin();
CREATE TRIGGER operator_told AFTER INSERT OR DELETE OR UPDATE ON grant_authz.operator FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant delete, insert, select, update on operator to grant_authz;

create table operator_role (
  operator text collate "C" not null,
  role text collate "C" not null,
  constraint operator_role_pkey PRIMARY KEY (operator, role),
  constraint operator_role_operator_fkey FOREIGN KEY (operator) REFERENCES operator(name) ON DELETE CASCADE,
  constraint operator_role_role_fkey FOREIGN KEY (role) REFERENCES role(name)
);
CREATE INDEX operator_role_by_role ON grant_authz.operator_role USING btree (role);
CREATE CONSTRAINT TRIGGER operator_role_last_admin AFTER DELETE OR UPDATE ON grant_authz.operator_role DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_last_admin();
CREATE TRIGGER operator_role_told AFTER INSERT OR DELETE OR UPDATE ON grant_authz.operator_role FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant delete, insert, select, update on operator_role to grant_authz;

create table operator_subject (
  subject text collate "C" not null,
  operator text collate "C" not null,
  constraint operator_subject_pkey PRIMARY KEY (subject),
  constraint operator_subject_operator_fkey FOREIGN KEY (operator) REFERENCES operator(name) ON DELETE CASCADE,
  constraint operator_subject_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 255)))
);
CREATE INDEX operator_subject_by_operator ON grant_authz.operator_subject USING btree (operator);
CREATE TRIGGER operator_subject_told AFTER INSERT OR DELETE OR UPDATE ON grant_authz.operator_subject FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant delete, insert, select, update on operator_subject to grant_authz;

create table outbox (
  "position" bigint not null generated always as identity,
  id uuid not null,
  subject text not null,
  event bytea not null,
  queued_at timestamp with time zone not null,
  published_at timestamp with time zone,
  signed_by text,
  signed_under text,
  constraint outbox_pkey PRIMARY KEY ("position"),
  constraint outbox_id_key UNIQUE (id),
  constraint outbox_subject_check CHECK ((subject ~ '^fed(\.[A-Za-z0-9_-]+){3}$'::text))
);
CREATE INDEX outbox_kept ON grant_authz.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON grant_authz.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to grant_authz;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to grant_authz;

create table peer (
  id uuid not null,
  operator_grant_id uuid,
  relationship text not null default ''::text,
  reviewed_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint peer_pkey PRIMARY KEY (id),
  constraint peer_operator_grant_id_key UNIQUE (operator_grant_id),
  constraint peer_operator_grant_id_fkey FOREIGN KEY (operator_grant_id) REFERENCES federation_grant(id)
);
CREATE INDEX peer_to_review ON grant_authz.peer USING btree (reviewed_at NULLS FIRST) WHERE (revoked_at IS NULL);
CREATE TRIGGER peer_guarded BEFORE UPDATE ON grant_authz.peer FOR EACH ROW EXECUTE FUNCTION guard_peer();
grant insert, select, update on peer to grant_authz;

create table peer_residency (
  peer_id uuid not null,
  tag text collate "C",
  mode text not null default ''::text,
  reason text not null default ''::text,
  set_by text not null default ''::text,
  set_at timestamp with time zone,
  located text not null default ''::text,
  declared text not null default ''::text,
  announced text[] not null default '{}'::text[],
  epoch bigint not null default 0,
  constraint peer_residency_pkey PRIMARY KEY (peer_id),
  constraint peer_residency_tag_fkey FOREIGN KEY (tag) REFERENCES region(name),
  constraint peer_residency_announced_check CHECK ((cardinality(announced) <= 16)),
  constraint peer_residency_declared_check CHECK ((length(declared) <= 64)),
  constraint peer_residency_located_check CHECK ((length(located) <= 64)),
  constraint peer_residency_mode_check CHECK ((mode = ANY (ARRAY[''::text, 'off'::text, 'advise'::text, 'enforce'::text]))),
  constraint peer_residency_reason_check CHECK ((length(reason) <= 256)),
  constraint residency_located_by_a_tag CHECK (((tag IS NOT NULL) OR (located = ''::text)))
);
CREATE INDEX peer_residency_by_epoch ON grant_authz.peer_residency USING btree (epoch);
CREATE INDEX peer_residency_by_tag ON grant_authz.peer_residency USING btree (tag);
CREATE TRIGGER peer_residency_changed BEFORE UPDATE ON grant_authz.peer_residency FOR EACH ROW WHEN ((((new.tag IS DISTINCT FROM old.tag) OR (new.mode IS DISTINCT FROM old.mode)) OR (new.located IS DISTINCT FROM old.located))) EXECUTE FUNCTION feed_stamp('policy');
CREATE TRIGGER peer_residency_told BEFORE INSERT ON grant_authz.peer_residency FOR EACH ROW WHEN (((new.tag IS NOT NULL) OR (new.mode <> ''::text))) EXECUTE FUNCTION feed_stamp('policy');
grant insert, select, update on peer_residency to grant_authz;

create table peer_review (
  peer_id uuid not null,
  due_at timestamp with time zone not null,
  attempts integer not null default 0,
  rings bigint not null default 1,
  correlation_id text not null,
  traceparent text not null,
  constraint peer_review_pkey PRIMARY KEY (peer_id),
  constraint peer_review_attempts_check CHECK ((attempts >= 0))
);
CREATE INDEX peer_review_due ON grant_authz.peer_review USING btree (due_at);
grant delete, insert, select, update on peer_review to grant_authz;

create table received_grant (
  peer_id uuid not null,
  grant_id uuid not null,
  remote_subject text not null,
  resource_kind text not null,
  resource_id text not null,
  scopes text[] not null,
  issued_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  revocation_reason text not null default ''::text,
  reminded_at timestamp with time zone,
  revision bigint not null,
  sealed_bearer bytea,
  received_at timestamp with time zone not null,
  last_changed_at timestamp with time zone not null,
  constraint received_grant_pkey PRIMARY KEY (peer_id, grant_id),
  constraint received_grant_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint received_bearer_wiped CHECK (((revoked_at IS NULL) OR (sealed_bearer IS NULL))),
  constraint received_grant_scopes_check CHECK ((scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text, 'migrate'::text]))
);
CREATE INDEX received_grant_by_end ON grant_authz.received_grant USING btree (expires_at);
CREATE TRIGGER received_grant_guarded BEFORE UPDATE ON grant_authz.received_grant FOR EACH ROW EXECUTE FUNCTION guard_received_grant();
CREATE TRIGGER received_grant_sealed BEFORE INSERT OR UPDATE OF sealed_bearer ON grant_authz.received_grant FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('sealed_bearer');
grant delete, insert, select, update on received_grant to grant_authz;

create table region (
  name text collate "C" not null,
  parent text collate "C",
  constraint region_pkey PRIMARY KEY (name),
  constraint region_parent_fkey FOREIGN KEY (parent) REFERENCES region(name),
  constraint region_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,63}$'::text)),
  constraint region_not_in_itself CHECK ((parent <> name))
);
CREATE INDEX region_by_parent ON grant_authz.region USING btree (parent);
CREATE TRIGGER region_guarded AFTER INSERT OR DELETE OR UPDATE ON grant_authz.region FOR EACH ROW EXECUTE FUNCTION guard_regions();
grant delete, insert, select, update on region to grant_authz;

create table residency_override (
  id uuid not null,
  peer_id uuid not null,
  resource_kind text not null,
  resource_id text not null,
  reason text not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  decision_id uuid,
  used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  withdrawn_at timestamp with time zone,
  epoch bigint not null default 0,
  constraint residency_override_pkey PRIMARY KEY (id),
  constraint override_lasts CHECK (((expires_at >= (created_at + '00:01:00'::interval)) AND (expires_at <= (created_at + '1 day'::interval)))),
  constraint override_used_by_a_decision CHECK (((decision_id IS NULL) = (used_at IS NULL))),
  constraint override_used_or_revoked CHECK (((used_at IS NULL) OR (revoked_at IS NULL))),
  constraint override_withdrawn_when_over CHECK (((withdrawn_at IS NOT NULL) OR ((used_at IS NULL) AND (revoked_at IS NULL)))),
  constraint residency_override_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 256))),
  constraint residency_override_resource_id_check CHECK ((length(resource_id) <= 128)),
  constraint residency_override_resource_kind_check CHECK (((length(resource_kind) >= 1) AND (length(resource_kind) <= 64)))
);
CREATE INDEX residency_override_by_epoch ON grant_authz.residency_override USING btree (epoch);
CREATE INDEX residency_override_by_peer ON grant_authz.residency_override USING btree (peer_id, id);
CREATE INDEX residency_override_open ON grant_authz.residency_override USING btree (expires_at) WHERE (withdrawn_at IS NULL);
CREATE TRIGGER override_guarded BEFORE UPDATE ON grant_authz.residency_override FOR EACH ROW EXECUTE FUNCTION guard_override();
CREATE TRIGGER residency_override_told BEFORE INSERT OR UPDATE ON grant_authz.residency_override FOR EACH ROW EXECUTE FUNCTION feed_stamp('policy');
grant insert, select, update on residency_override to grant_authz;

create table residency_rule (
  id uuid not null,
  peer_id uuid,
  data_class text not null,
  allowed_regions text[] not null,
  mode text not null,
  set_by text not null,
  set_at timestamp with time zone not null,
  constraint residency_rule_pkey PRIMARY KEY (id),
  constraint residency_rule_allowed_regions_check CHECK (((cardinality(allowed_regions) >= 1) AND (cardinality(allowed_regions) <= 32))),
  constraint residency_rule_data_class_check CHECK ((data_class ~ '^(\*|[a-z0-9][a-z0-9._-]{0,63})$'::text)),
  constraint residency_rule_mode_check CHECK ((mode = ANY (ARRAY[''::text, 'off'::text, 'advise'::text, 'enforce'::text])))
);
CREATE TRIGGER residency_rule_guarded AFTER INSERT OR UPDATE ON grant_authz.residency_rule FOR EACH ROW EXECUTE FUNCTION guard_rule();
CREATE TRIGGER residency_rule_told AFTER INSERT OR DELETE OR UPDATE ON grant_authz.residency_rule FOR EACH ROW EXECUTE FUNCTION tell_residency();
grant delete, insert, select, update on residency_rule to grant_authz;

create table residency_settings (
  one boolean not null default true,
  default_mode text not null default 'advise'::text,
  home_region text collate "C",
  begun boolean not null default false,
  epoch bigint not null default 0,
  constraint residency_settings_pkey PRIMARY KEY (one),
  constraint residency_settings_home_region_fkey FOREIGN KEY (home_region) REFERENCES region(name),
  constraint residency_settings_default_mode_check CHECK ((default_mode = ANY (ARRAY['off'::text, 'advise'::text, 'enforce'::text]))),
  constraint residency_settings_one_check CHECK (one)
);
CREATE TRIGGER residency_settings_told BEFORE INSERT OR UPDATE ON grant_authz.residency_settings FOR EACH ROW EXECUTE FUNCTION feed_stamp('policy');
grant select, update on residency_settings to grant_authz;

create table resource_change (
  one boolean not null default true,
  last bigint not null default 0,
  constraint resource_change_pkey PRIMARY KEY (one),
  constraint resource_change_one_check CHECK (one)
);
grant select, update on resource_change to grant_authz;

create table resource_kind (
  kind text collate "C" not null,
  extension text not null,
  dependencies text[] not null,
  duplicable boolean not null,
  migratable boolean not null,
  sensitive_fields text[] not null,
  data_class text not null,
  region text collate "C",
  writable boolean not null,
  declared boolean not null,
  service text not null,
  address text not null,
  lease_until timestamp with time zone,
  constraint resource_kind_pkey PRIMARY KEY (kind),
  constraint resource_kind_region_fkey FOREIGN KEY (region) REFERENCES region(name),
  constraint kind_of_another_has_a_lease CHECK (((lease_until IS NULL) = (address = ''::text))),
  constraint resource_kind_kind_check CHECK ((kind ~ '^[A-Za-z][A-Za-z0-9_]{0,63}$'::text))
);
CREATE INDEX resource_kind_leased ON grant_authz.resource_kind USING btree (lease_until) WHERE (lease_until IS NOT NULL);
CREATE TRIGGER resource_kind_changed AFTER UPDATE ON grant_authz.resource_kind FOR EACH ROW WHEN ((((((((old.sensitive_fields IS DISTINCT FROM new.sensitive_fields) OR (old.data_class IS DISTINCT FROM new.data_class)) OR (old.region IS DISTINCT FROM new.region)) OR (old.writable IS DISTINCT FROM new.writable)) OR (old.declared IS DISTINCT FROM new.declared)) OR (old.service IS DISTINCT FROM new.service)) OR (old.address IS DISTINCT FROM new.address))) EXECUTE FUNCTION tell_kinds();
CREATE TRIGGER resource_kind_told AFTER INSERT OR DELETE ON grant_authz.resource_kind FOR EACH ROW EXECUTE FUNCTION tell_kinds();
grant insert, select, update on resource_kind to grant_authz;

create table resource_record (
  kind text collate "C" not null,
  id text collate "C" not null,
  record jsonb not null,
  region text collate "C",
  data_class text not null,
  revision bigint not null,
  updated_at timestamp with time zone not null,
  removed_at timestamp with time zone,
  change bigint not null default 0,
  constraint resource_record_pkey PRIMARY KEY (kind, id),
  constraint resource_record_kind_fkey FOREIGN KEY (kind) REFERENCES resource_kind(kind),
  constraint resource_record_region_fkey FOREIGN KEY (region) REFERENCES region(name),
  constraint record_has_a_size CHECK ((octet_length((record)::text) <= 524288)),
  constraint record_is_an_object CHECK ((jsonb_typeof(record) = 'object'::text)),
  constraint record_removed_is_empty CHECK (((removed_at IS NULL) OR (record = '{}'::jsonb))),
  constraint resource_record_data_class_check CHECK ((data_class ~ '^([a-z0-9][a-z0-9._-]{0,63})?$'::text)),
  constraint resource_record_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$'::text)),
  constraint resource_record_revision_check CHECK ((revision > 0))
);
CREATE INDEX resource_record_by_change ON grant_authz.resource_record USING btree (kind, change);
CREATE INDEX resource_record_by_region ON grant_authz.resource_record USING btree (region);
CREATE TRIGGER resource_record_counted BEFORE INSERT OR UPDATE ON grant_authz.resource_record FOR EACH ROW EXECUTE FUNCTION count_change();
grant insert, select, update on resource_record to grant_authz;

create table role (
  name text collate "C" not null,
  permissions text[] not null,
  built_in boolean not null,
  constraint role_pkey PRIMARY KEY (name),
  constraint role_name_check CHECK ((name ~ '^[a-z][a-z0-9-]{0,62}$'::text)),
  constraint role_permissions_known CHECK ((permissions <@ ARRAY['system.federation.read'::text, 'system.federation_peers.manage'::text, 'system.federation_grants.manage'::text, 'system.federation_residency.manage'::text, 'system.federation_resources.manage'::text, 'system.federation_ca.manage'::text, 'system.federation.spawn'::text, 'system.sdwan.manage'::text, 'system.infra_tasks.control'::text, 'system.operators.manage'::text]))
);
CREATE TRIGGER role_guarded BEFORE DELETE OR UPDATE ON grant_authz.role FOR EACH ROW EXECUTE FUNCTION guard_role();
CREATE TRIGGER role_told AFTER INSERT OR DELETE OR UPDATE ON grant_authz.role FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant delete, insert, select, update on role to grant_authz;

create table sealing_key (
  id boolean not null default true,
  key_ids bytea[] not null default '{}'::bytea[],
  constraint sealing_key_pkey PRIMARY KEY (id),
  constraint sealing_key_id_check CHECK (id)
);
grant select, update on sealing_key to grant_authz;

create table token_issuer (
  one boolean not null default true,
  issuer text collate "C" not null,
  audience text collate "C" not null,
  algorithms text[] not null,
  jwks text not null,
  confirmed_at timestamp with time zone,
  constraint token_issuer_pkey PRIMARY KEY (one),
  constraint token_issuer_algorithms_check CHECK ((cardinality(algorithms) > 0)),
  constraint token_issuer_audience_check CHECK ((audience <> ''::text)),
  constraint token_issuer_jwks_check CHECK ((length(jwks) <= 65536)),
  constraint token_issuer_one_check CHECK (one)
);
CREATE TRIGGER token_issuer_changed AFTER UPDATE ON grant_authz.token_issuer FOR EACH ROW WHEN (((((new.issuer IS DISTINCT FROM old.issuer) OR (new.audience IS DISTINCT FROM old.audience)) OR (new.algorithms IS DISTINCT FROM old.algorithms)) OR (new.jwks IS DISTINCT FROM old.jwks))) EXECUTE FUNCTION tell_operators();
CREATE TRIGGER token_issuer_told AFTER INSERT OR DELETE ON grant_authz.token_issuer FOR EACH ROW EXECUTE FUNCTION tell_operators();
grant delete, insert, select, update on token_issuer to grant_authz;
