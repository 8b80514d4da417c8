-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema spawn_provisioner to spawn_provisioner;

CREATE OR REPLACE FUNCTION spawn_provisioner.guard_child()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION spawn_provisioner.guard_executed_approval()
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

CREATE OR REPLACE FUNCTION spawn_provisioner.sealed_under_newest()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'spawn_provisioner', 'pg_temp'
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

CREATE OR REPLACE FUNCTION spawn_provisioner.tell_child()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform pg_notify('spawn_provisioner_children', new.id::text);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION spawn_provisioner.tell_child_of_step()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform pg_notify('spawn_provisioner_children', new.child_id::text);
  return null;
end
$function$;

create table bootstrap_token (
  digest bytea not null,
  child_id uuid not null,
  purpose text not null,
  subject text not null,
  issued_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  consumed_at timestamp with time zone,
  consumed_by bytea,
  chain bytea[],
  constraint bootstrap_token_pkey PRIMARY KEY (digest),
  constraint bootstrap_token_child_id_fkey FOREIGN KEY (child_id) REFERENCES child(id),
  constraint bootstrap_token_answered CHECK (((chain IS NULL) OR (consumed_by IS NOT NULL))),
  constraint bootstrap_token_consumed CHECK (((consumed_at IS NULL) = (consumed_by IS NULL))),
  constraint bootstrap_token_digest_check CHECK ((length(digest) = 32)),
  constraint bootstrap_token_purpose_check CHECK ((purpose = ANY (ARRAY['node'::text, 'replica'::text])))
);
CREATE INDEX bootstrap_token_over ON spawn_provisioner.bootstrap_token USING btree (expires_at);
grant delete, insert, select, update on bootstrap_token to spawn_provisioner;

create table child (
  id uuid not null,
  request_id uuid not null,
  request_sha256 bytea not null,
  hostname text not null,
  spawn_mode text not null,
  state text not null,
  reason text not null,
  since timestamp with time zone not null,
  ending text,
  peer_id uuid,
  instance_id uuid not null,
  platform_id text,
  template_id uuid not null,
  provider_id uuid not null,
  region_id uuid not null,
  instance_type_id uuid not null,
  parent_url text not null,
  proposed_routes jsonb not null,
  proposed_capabilities jsonb not null,
  token_ttl_ms bigint not null,
  invitation_expires_at timestamp with time zone,
  boot_deadline timestamp with time zone not null,
  stamp_due_at timestamp with time zone,
  created_by text not null,
  request_trace text not null default ''::text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  revision integer not null,
  constraint child_pkey PRIMARY KEY (id),
  constraint child_instance_id_key UNIQUE (instance_id),
  constraint child_peer_id_key UNIQUE (peer_id),
  constraint child_request_id_key UNIQUE (request_id),
  constraint child_template_id_fkey FOREIGN KEY (template_id) REFERENCES template(id),
  constraint child_ending_check CHECK ((ending = ANY (ARRAY['cancelled'::text, 'failed'::text, 'terminated'::text]))),
  constraint child_ends_for_a_reason CHECK (((state = ANY (ARRAY['undoing'::text, 'gone'::text])) = (ending IS NOT NULL))),
  constraint child_hostname_check CHECK (((length(hostname) >= 1) AND (length(hostname) <= 253))),
  constraint child_joins_as_a_peer CHECK (((state = ANY (ARRAY['preparing'::text, 'undoing'::text, 'gone'::text])) OR (peer_id IS NOT NULL))),
  constraint child_parent_url_check CHECK ((parent_url ~ '^https://'::text)),
  constraint child_platform_id_check CHECK ((platform_id ~ '^[a-z2-7]{32}$'::text)),
  constraint child_request_sha256_check CHECK ((length(request_sha256) = 32)),
  constraint child_revision_check CHECK ((revision >= 1)),
  constraint child_spawn_mode_check CHECK ((spawn_mode = ANY (ARRAY['managed_child'::text, 'autonomous_peer'::text, 'cluster_member'::text]))),
  constraint child_state_check CHECK ((state = ANY (ARRAY['preparing'::text, 'provisioning'::text, 'booting'::text, 'joining'::text, 'active'::text, 'undoing'::text, 'gone'::text]))),
  constraint child_token_ttl_ms_check CHECK (((token_ttl_ms >= 60000) AND (token_ttl_ms <= 604800000)))
);
CREATE UNIQUE INDEX child_living_hostname ON spawn_provisioner.child USING btree (hostname) WHERE (state <> 'gone'::text);
CREATE INDEX child_unsettled ON spawn_provisioner.child USING btree (id) WHERE (state <> ALL (ARRAY['active'::text, 'gone'::text]));
CREATE TRIGGER child_guarded BEFORE UPDATE ON spawn_provisioner.child FOR EACH ROW EXECUTE FUNCTION guard_child();
CREATE TRIGGER child_told AFTER INSERT OR UPDATE ON spawn_provisioner.child FOR EACH ROW EXECUTE FUNCTION tell_child();
grant insert, select, update on child to spawn_provisioner;

create table clone (
  child_id uuid not null,
  identity_fingerprint bytea not null,
  source_address text not null,
  reported_at timestamp with time zone not null,
  constraint clone_pkey PRIMARY KEY (child_id, identity_fingerprint),
  constraint clone_child_id_fkey FOREIGN KEY (child_id) REFERENCES child(id),
  constraint clone_identity_fingerprint_check CHECK ((length(identity_fingerprint) = 32))
);
grant insert, select, update on clone to spawn_provisioner;

create table cluster_member (
  child_id uuid not null,
  peer_id uuid not null,
  slot_name text not null,
  role_name text not null,
  state text not null,
  reason text not null default ''::text,
  since timestamp with time zone not null,
  password_sealed bytea,
  role_expires_at timestamp with time zone,
  streamed_at timestamp with time zone,
  alarmed boolean not null default false,
  wal_status text not null default ''::text,
  replay_lag_bytes bigint,
  retained_wal_bytes bigint,
  replay_lag_seconds double precision,
  sent_lsn text not null default ''::text,
  replay_lsn text not null default ''::text,
  observed_at timestamp with time zone,
  primary_address text not null,
  redis_address text not null default ''::text,
  redis_status text not null default 'untried'::text,
  address text not null default ''::text,
  reported_at timestamp with time zone,
  claim text not null default ''::text,
  constraint cluster_member_pkey PRIMARY KEY (child_id),
  constraint cluster_member_peer_id_key UNIQUE (peer_id),
  constraint cluster_member_role_name_key UNIQUE (role_name),
  constraint cluster_member_slot_name_key UNIQUE (slot_name),
  constraint cluster_member_child_id_fkey FOREIGN KEY (child_id) REFERENCES child(id),
  constraint cluster_member_address_check CHECK ((length(address) <= 256)),
  constraint cluster_member_claim_check CHECK ((length(claim) <= 256)),
  constraint cluster_member_reason_check CHECK ((length(reason) <= 1000)),
  constraint cluster_member_redis_status_check CHECK ((length(redis_status) <= 256)),
  constraint cluster_member_role_name_check CHECK ((role_name ~ '^powernode_repl_[0-9a-f]{16}$'::text)),
  constraint cluster_member_slot_name_check CHECK ((slot_name ~ '^powernode_repl_[0-9a-f]{32}$'::text)),
  constraint cluster_member_state_check CHECK ((state = ANY (ARRAY['preparing'::text, 'ready'::text, 'streaming'::text, 'lagging'::text, 'guarded'::text, 'fenced'::text, 'promoted'::text, 'failed_back'::text])))
);
CREATE TRIGGER cluster_member_sealed BEFORE INSERT OR UPDATE OF password_sealed ON spawn_provisioner.cluster_member FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('password_sealed');
grant delete, insert, select, update on cluster_member to spawn_provisioner;

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
grant insert, select on dead_letter to spawn_provisioner;

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
CREATE TRIGGER executed_approval_guarded BEFORE UPDATE ON spawn_provisioner.executed_approval FOR EACH ROW EXECUTE FUNCTION guard_executed_approval();
grant insert, select, update on executed_approval to spawn_provisioner;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  signed_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON spawn_provisioner.inbox USING btree (handled_at);
grant delete, insert, select on inbox to spawn_provisioner;

create table instance (
  id uuid not null,
  child_id uuid not null,
  hostname text not null,
  provider_id uuid not null,
  region_id uuid not null,
  instance_type_id uuid not null,
  state text not null,
  reason text not null default ''::text,
  since timestamp with time zone not null,
  progress text not null default ''::text,
  progress_at timestamp with time zone,
  provider_ref text not null default ''::text,
  created_at timestamp with time zone not null,
  revision integer not null,
  constraint instance_pkey PRIMARY KEY (id),
  constraint instance_child_id_key UNIQUE (child_id),
  constraint instance_child_id_fkey FOREIGN KEY (child_id) REFERENCES child(id),
  constraint instance_progress_check CHECK ((length(progress) <= 1000)),
  constraint instance_revision_check CHECK ((revision >= 1)),
  constraint instance_state_check CHECK ((state = ANY (ARRAY['creating'::text, 'booting'::text, 'running'::text, 'stopped'::text, 'lost'::text, 'terminating'::text, 'gone'::text])))
);
CREATE INDEX instance_by_provider ON spawn_provisioner.instance USING btree (provider_id) WHERE (state <> 'gone'::text);
grant insert, select, update on instance to spawn_provisioner;

create table instance_type (
  id uuid not null,
  provider_id uuid not null,
  name text not null,
  cpus integer not null,
  memory_bytes bigint not null,
  disk_bytes bigint not null,
  constraint instance_type_pkey PRIMARY KEY (id),
  constraint instance_type_provider_id_name_key UNIQUE (provider_id, name),
  constraint instance_type_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id) ON DELETE CASCADE,
  constraint instance_type_cpus_check CHECK ((cpus >= 1)),
  constraint instance_type_disk_bytes_check CHECK ((disk_bytes >= 0)),
  constraint instance_type_memory_bytes_check CHECK ((memory_bytes >= 0)),
  constraint instance_type_name_check CHECK (((length(name) >= 1) AND (length(name) <= 128)))
);
grant delete, insert, select, update on instance_type to spawn_provisioner;

create table orphan (
  kind text not null,
  name text not null,
  provider_id uuid,
  missing boolean not null default false,
  began_at timestamp with time zone not null,
  found_at timestamp with time zone not null,
  constraint orphan_pkey PRIMARY KEY (kind, name),
  constraint orphan_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id) ON DELETE CASCADE,
  constraint orphan_kind_check CHECK ((kind = ANY (ARRAY['instance'::text, 'slot'::text, 'role'::text, 'peer'::text])))
);
grant delete, insert, select, update on orphan to spawn_provisioner;

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
CREATE INDEX outbox_kept ON spawn_provisioner.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON spawn_provisioner.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to spawn_provisioner;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to spawn_provisioner;

create table provider (
  id uuid not null,
  name text not null,
  kind text not null,
  config jsonb not null,
  status text not null default ''::text,
  created_by text not null,
  created_at timestamp with time zone not null,
  revision integer not null,
  constraint provider_pkey PRIMARY KEY (id),
  constraint provider_name_key UNIQUE (name),
  constraint provider_config_check CHECK ((jsonb_typeof(config) = 'object'::text)),
  constraint provider_kind_check CHECK ((kind ~ '^[a-z][a-z0-9-]{0,31}$'::text)),
  constraint provider_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
  constraint provider_revision_check CHECK ((revision >= 1))
);
grant delete, insert, select, update on provider to spawn_provisioner;

create table region (
  id uuid not null,
  provider_id uuid not null,
  name text not null,
  residency text not null default ''::text,
  constraint region_pkey PRIMARY KEY (id),
  constraint region_provider_id_name_key UNIQUE (provider_id, name),
  constraint region_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id) ON DELETE CASCADE,
  constraint region_name_check CHECK (((length(name) >= 1) AND (length(name) <= 128)))
);
grant delete, insert, select, update on region to spawn_provisioner;

create table sealing_key (
  id boolean not null default true,
  key_ids bytea[] not null default '{}'::bytea[],
  constraint sealing_key_pkey PRIMARY KEY (id),
  constraint sealing_key_id_check CHECK (id)
);
grant select, update on sealing_key to spawn_provisioner;

create table step (
  child_id uuid not null,
  "position" integer not null,
  name text not null,
  status text not null,
  attempts integer not null default 0,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  detail text not null default ''::text,
  constraint step_pkey PRIMARY KEY (child_id, name),
  constraint step_child_id_fkey FOREIGN KEY (child_id) REFERENCES child(id),
  constraint step_detail_check CHECK ((length(detail) <= 1000)),
  constraint step_name_check CHECK ((name = ANY (ARRAY['prepare_peer'::text, 'prepare_slot'::text, 'prepare_role'::text, 'create_instance'::text, 'await_boot'::text, 'await_accept'::text, 'await_active'::text]))),
  constraint step_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'done'::text, 'failed'::text, 'undone'::text, 'skipped'::text])))
);
CREATE TRIGGER step_told AFTER UPDATE ON spawn_provisioner.step FOR EACH ROW EXECUTE FUNCTION tell_child_of_step();
grant insert, select, update on step to spawn_provisioner;

create table template (
  id uuid not null,
  name text not null,
  description text not null,
  spec jsonb not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  retired_at timestamp with time zone,
  revision integer not null,
  constraint template_pkey PRIMARY KEY (id),
  constraint template_name_key UNIQUE (name),
  constraint template_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
  constraint template_revision_check CHECK ((revision >= 1)),
  constraint template_spec_check CHECK ((jsonb_typeof(spec) = 'object'::text))
);
grant insert, select, update on template to spawn_provisioner;
