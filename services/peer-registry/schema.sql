-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema peer_registry to peer_registry;

CREATE OR REPLACE FUNCTION peer_registry.feed_epoch(feed_name text)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'peer_registry'
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

CREATE OR REPLACE FUNCTION peer_registry.feed_stamp()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'peer_registry'
AS $function$
begin
  new.epoch := feed_epoch(tg_argv[0]);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_acceptance_run()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.id <> old.id or new.request <> old.request or new.requested_by <> old.requested_by then
    raise exception 'what was asked of run % never changes', old.id using errcode = 'check_violation';
  end if;
  if old.state = 'failed' then
    raise exception 'run % has failed', old.id using errcode = 'check_violation';
  end if;
  if old.peer_id is not null and new.peer_id is distinct from old.peer_id then
    raise exception 'run % is about another peer', old.id using errcode = 'check_violation';
  end if;
  if old.token_sealed is null and new.token_sealed is not null then
    raise exception 'the token of run % is gone', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_certificate()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'certificate % is revoked for good', old.serial using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_executed_approval()
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

CREATE OR REPLACE FUNCTION peer_registry.guard_invitation()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_notice_delivery()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.status <> 'owed' and new is distinct from old then
    raise exception 'what became of notice % is settled', old.notice_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_parentage()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.done_at is not null and new.done_at is distinct from old.done_at then
    raise exception 'what the parent of % handed over is carried out', old.peer_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_peer()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_platform()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if new.identity_key <> old.identity_key or new.platform_id <> old.platform_id or new.trust_domain <> old.trust_domain
    or new.bundle_sequence < old.bundle_sequence
  then
    raise exception 'the identity of this platform cannot be replaced' using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.guard_version_rule()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.source = 'default' then
    raise exception 'version rule % comes with the release', old.id using errcode = 'check_violation';
  end if;
  return coalesce(new, old);
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.ring_acceptances()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('peer_registry_acceptances', '');
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION peer_registry.sealed_under_newest()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'peer_registry', 'pg_temp'
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

create table acceptance_run (
  id uuid not null,
  state text not null,
  requested_by text not null,
  correlation_id text not null,
  traceparent text not null,
  request bytea not null,
  token_sealed bytea,
  peer_id uuid,
  contract_version_agreed integer not null default 0,
  steps jsonb not null,
  node_enrollment jsonb,
  attach_to jsonb not null,
  sdwan_attach jsonb,
  governance jsonb,
  failure_reason text not null default ''::text,
  failure_message text not null default ''::text,
  next text not null default ''::text,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  due_at timestamp with time zone not null,
  constraint acceptance_run_pkey PRIMARY KEY (id),
  constraint acceptance_run_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint acceptance_run_failed CHECK (((state = 'failed'::text) = (failure_reason <> ''::text))),
  constraint acceptance_run_finished CHECK (((state = 'running'::text) = (finished_at IS NULL))),
  constraint acceptance_run_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'warned'::text, 'failed'::text]))),
  constraint acceptance_run_steps_check CHECK ((jsonb_typeof(steps) = 'array'::text)),
  constraint acceptance_run_wiped CHECK (((state = 'running'::text) OR (token_sealed IS NULL)))
);
CREATE INDEX acceptance_run_unfinished ON peer_registry.acceptance_run USING btree (due_at) WHERE (finished_at IS NULL);
CREATE TRIGGER acceptance_run_guarded BEFORE UPDATE ON peer_registry.acceptance_run FOR EACH ROW EXECUTE FUNCTION guard_acceptance_run();
CREATE TRIGGER acceptance_run_rings AFTER INSERT OR UPDATE OF state ON peer_registry.acceptance_run FOR EACH ROW EXECUTE FUNCTION ring_acceptances();
CREATE TRIGGER acceptance_run_sealed BEFORE INSERT OR UPDATE OF token_sealed ON peer_registry.acceptance_run FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('token_sealed');
grant insert, select, update on acceptance_run to peer_registry;

create table authority (
  generation integer not null,
  status text not null,
  root_certificate bytea not null,
  root_key_sealed bytea not null,
  issuing_certificate bytea not null,
  issuing_key_sealed bytea not null,
  crl_number bigint not null default 0,
  crls jsonb not null default '[]'::jsonb,
  crls_updated_at timestamp with time zone not null,
  created_at timestamp with time zone not null,
  epoch bigint not null default 0,
  constraint authority_pkey PRIMARY KEY (generation),
  constraint authority_generation_check CHECK ((generation >= 1)),
  constraint authority_status_check CHECK ((status = ANY (ARRAY['next'::text, 'current'::text, 'previous'::text, 'retired'::text])))
);
CREATE UNIQUE INDEX authority_one_current ON peer_registry.authority USING btree (status) WHERE (status = 'current'::text);
CREATE UNIQUE INDEX authority_one_next ON peer_registry.authority USING btree (status) WHERE (status = 'next'::text);
CREATE TRIGGER authority_fed BEFORE INSERT OR UPDATE ON peer_registry.authority FOR EACH ROW EXECUTE FUNCTION feed_stamp('peers');
CREATE TRIGGER authority_sealed BEFORE INSERT OR UPDATE OF root_key_sealed, issuing_key_sealed ON peer_registry.authority FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('root_key_sealed', 'issuing_key_sealed');
grant insert, select, update on authority to peer_registry;

create table certificate (
  serial text not null,
  kind text not null,
  spiffe_id text not null,
  generation integer not null,
  not_before timestamp with time zone not null,
  not_after timestamp with time zone not null,
  fingerprint text not null,
  peer_id uuid,
  hosts jsonb not null default '[]'::jsonb,
  common_name text,
  revoked_at timestamp with time zone,
  revocation_reason text not null default ''::text,
  constraint certificate_pkey PRIMARY KEY (serial),
  constraint certificate_generation_fkey FOREIGN KEY (generation) REFERENCES authority(generation),
  constraint certificate_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint certificate_common_name_check CHECK ((common_name ~ '^[a-z][a-z0-9_]{2,62}$'::text)),
  constraint certificate_fingerprint_check CHECK ((fingerprint ~ '^[0-9a-f]{64}$'::text)),
  constraint certificate_kind_check CHECK ((kind = ANY (ARRAY['service'::text, 'operator'::text, 'peer'::text, 'instance'::text, 'root'::text, 'issuing'::text]))),
  constraint certificate_serial_check CHECK ((serial ~ '^[0-9a-f]{1,40}$'::text))
);
CREATE INDEX certificate_by_kind ON peer_registry.certificate USING btree (kind, not_after DESC, serial);
CREATE INDEX certificate_by_spiffe_id ON peer_registry.certificate USING btree (spiffe_id, not_after DESC);
CREATE INDEX certificate_of_peer ON peer_registry.certificate USING btree (peer_id) WHERE (peer_id IS NOT NULL);
CREATE INDEX certificate_revoked ON peer_registry.certificate USING btree (generation) WHERE (revoked_at IS NOT NULL);
CREATE TRIGGER certificate_guarded BEFORE UPDATE ON peer_registry.certificate FOR EACH ROW EXECUTE FUNCTION guard_certificate();
grant insert, select, update on certificate to peer_registry;

create table contract_version (
  version integer not null,
  contract_text text not null,
  contract_digest text not null,
  effective_at date not null,
  deprecated_at date,
  constraint contract_version_pkey PRIMARY KEY (version),
  constraint contract_version_contract_digest_key UNIQUE (contract_digest),
  constraint contract_version_contract_digest_check CHECK ((contract_digest ~ '^[0-9a-f]{64}$'::text)),
  constraint contract_version_version_check CHECK ((version > 0))
);
grant insert, select on contract_version to peer_registry;

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
grant insert, select on dead_letter to peer_registry;

create table errand (
  peer_id uuid not null,
  kind text not null,
  statement bytea,
  token_sealed bytea,
  token_digest bytea,
  expires_at timestamp with time zone not null,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null,
  last_error text not null default ''::text,
  created_at timestamp with time zone not null,
  constraint errand_pkey PRIMARY KEY (peer_id, kind),
  constraint errand_token_digest_key UNIQUE (token_digest),
  constraint errand_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint errand_kind_check CHECK ((kind = ANY (ARRAY['redeem'::text, 'deliver_bundle'::text, 'fetch_bundle'::text, 'renew_certificate'::text, 'notify_revocation'::text, 'notify_relationship'::text, 'notify_compromise'::text, 'report_clone'::text])))
);
CREATE INDEX errand_due ON peer_registry.errand USING btree (next_attempt_at);
CREATE TRIGGER errand_sealed BEFORE INSERT OR UPDATE OF token_sealed ON peer_registry.errand FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('token_sealed');
grant delete, insert, select, update on errand to peer_registry;

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
CREATE TRIGGER executed_approval_guarded BEFORE UPDATE ON peer_registry.executed_approval FOR EACH ROW EXECUTE FUNCTION guard_executed_approval();
grant insert, select, update on executed_approval to peer_registry;

create table feed_epoch (
  feed text not null,
  epoch bigint not null,
  mark bytea not null,
  constraint feed_epoch_pkey PRIMARY KEY (feed, epoch),
  constraint feed_epoch_epoch_check CHECK ((epoch >= 1)),
  constraint feed_epoch_mark_check CHECK ((length(mark) = 16))
);
grant select on feed_epoch to peer_registry;

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
grant delete, insert, select, update on feed_replica to peer_registry;

create table heeded_alarm (
  alarm_id uuid not null,
  peer_id uuid not null,
  outcome text not null,
  at timestamp with time zone not null,
  constraint heeded_alarm_pkey PRIMARY KEY (alarm_id),
  constraint heeded_alarm_outcome_check CHECK ((outcome = ANY (ARRAY['suspended'::text, 'left'::text])))
);
grant insert, select on heeded_alarm to peer_registry;

create table held_invitation (
  plan_sha256 bytea not null,
  requested_by text not null,
  invitation_sealed bytea not null,
  approval_id uuid,
  held_at timestamp with time zone not null,
  constraint held_invitation_pkey PRIMARY KEY (plan_sha256, requested_by),
  constraint held_invitation_plan_sha256_check CHECK ((length(plan_sha256) = 32)),
  constraint held_invitation_requested_by_check CHECK ((requested_by ~ '^operator/'::text))
);
CREATE TRIGGER held_invitation_sealed BEFORE INSERT OR UPDATE OF invitation_sealed ON peer_registry.held_invitation FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('invitation_sealed');
grant delete, insert, select, update on held_invitation to peer_registry;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  signed_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON peer_registry.inbox USING btree (handled_at);
grant delete, insert, select on inbox to peer_registry;

create table invitation (
  id uuid not null,
  peer_id uuid not null,
  name text not null default ''::text,
  note text not null default ''::text,
  token_digest bytea not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  redeemed_at timestamp with time zone,
  redeemed_by bytea,
  acceptance_digest bytea,
  answer bytea,
  revoked_at timestamp with time zone,
  expired_at timestamp with time zone,
  boot_bound boolean not null default false,
  constraint invitation_pkey PRIMARY KEY (id),
  constraint invitation_token_digest_key UNIQUE (token_digest),
  constraint invitation_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint invitation_acceptance_digest_check CHECK ((length(acceptance_digest) = 32)),
  constraint invitation_ends_once CHECK (((redeemed_at IS NULL) OR (revoked_at IS NULL))),
  constraint invitation_redeemed_by_check CHECK ((length(redeemed_by) = 32)),
  constraint invitation_redeemed_whole CHECK ((((redeemed_at IS NULL) = (redeemed_by IS NULL)) AND ((redeemed_at IS NULL) = (acceptance_digest IS NULL)) AND ((redeemed_at IS NULL) = (answer IS NULL)))),
  constraint invitation_token_digest_check CHECK ((length(token_digest) = 32))
);
CREATE UNIQUE INDEX invitation_boot_bound_once ON peer_registry.invitation USING btree (peer_id) WHERE (boot_bound AND (redeemed_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX invitation_by_peer ON peer_registry.invitation USING btree (peer_id, id);
CREATE INDEX invitation_running_out ON peer_registry.invitation USING btree (expires_at) WHERE ((redeemed_at IS NULL) AND (revoked_at IS NULL) AND (expired_at IS NULL));
CREATE TRIGGER invitation_guarded BEFORE UPDATE ON peer_registry.invitation FOR EACH ROW EXECUTE FUNCTION guard_invitation();
grant insert, select, update on invitation to peer_registry;

create table ledger_keys (
  sequence bigint not null,
  log_public_key bytea not null,
  witness_public_key bytea not null,
  statement bytea not null,
  endorsed_at timestamp with time zone not null,
  constraint ledger_keys_pkey PRIMARY KEY (sequence),
  constraint ledger_keys_log_public_key_check CHECK ((length(log_public_key) = 32)),
  constraint ledger_keys_sequence_check CHECK ((sequence >= 1)),
  constraint ledger_keys_witness_public_key_check CHECK ((length(witness_public_key) = 32))
);
grant insert, select on ledger_keys to peer_registry;

create table liveness_news (
  peer_id uuid not null,
  told_at timestamp with time zone not null,
  constraint liveness_news_pkey PRIMARY KEY (peer_id),
  constraint liveness_news_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id)
);
grant insert, select, update on liveness_news to peer_registry;

create table notice (
  id uuid not null,
  kind text not null,
  direction text not null,
  sender_id uuid,
  peer_id uuid,
  summary text not null,
  affected jsonb not null default '[]'::jsonb,
  advice text not null default ''::text,
  discovered_at timestamp with time zone,
  declared_at timestamp with time zone not null,
  due_at timestamp with time zone,
  declared_by text not null,
  received_at timestamp with time zone,
  statement bytea,
  receipt bytea,
  constraint notice_pkey PRIMARY KEY (id),
  constraint notice_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint notice_compromise_is_due CHECK (((kind = 'compromise'::text) = ((discovered_at IS NOT NULL) AND (due_at IS NOT NULL) AND (sender_id IS NOT NULL)))),
  constraint notice_direction_check CHECK ((direction = ANY (ARRAY['sent'::text, 'received'::text]))),
  constraint notice_is_of_a_peer CHECK (((peer_id IS NULL) = ((direction = 'sent'::text) AND (kind = 'compromise'::text)))),
  constraint notice_kind_check CHECK ((kind = ANY (ARRAY['compromise'::text, 'revocation'::text]))),
  constraint notice_received_is_proven CHECK (((direction = 'received'::text) = ((received_at IS NOT NULL) AND (statement IS NOT NULL) AND (receipt IS NOT NULL))))
);
CREATE UNIQUE INDEX notice_received_once ON peer_registry.notice USING btree (peer_id, sender_id) WHERE (direction = 'received'::text);
CREATE UNIQUE INDEX notice_revocation_once ON peer_registry.notice USING btree (peer_id, direction) WHERE (kind = 'revocation'::text);
grant insert, select on notice to peer_registry;

create table notice_delivery (
  notice_id uuid not null,
  peer_id uuid not null,
  status text not null,
  attempts integer not null default 0,
  last_error text not null default ''::text,
  settled_at timestamp with time zone,
  statement bytea,
  receipt bytea,
  constraint notice_delivery_pkey PRIMARY KEY (notice_id, peer_id),
  constraint notice_delivery_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notice(id),
  constraint notice_delivery_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint notice_delivery_attempts_check CHECK ((attempts >= 0)),
  constraint notice_delivery_receipt_is_of_something CHECK (((receipt IS NULL) OR ((status = 'delivered'::text) AND (statement IS NOT NULL)))),
  constraint notice_delivery_settled_is_dated CHECK (((status = 'owed'::text) = (settled_at IS NULL))),
  constraint notice_delivery_status_check CHECK ((status = ANY (ARRAY['owed'::text, 'delivered'::text, 'given_up'::text])))
);
CREATE INDEX notice_delivery_owed ON peer_registry.notice_delivery USING btree (peer_id) WHERE (status = 'owed'::text);
CREATE TRIGGER notice_delivery_guarded BEFORE UPDATE ON peer_registry.notice_delivery FOR EACH ROW EXECUTE FUNCTION guard_notice_delivery();
grant insert, select, update on notice_delivery to peer_registry;

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
CREATE INDEX outbox_kept ON peer_registry.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON peer_registry.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to peer_registry;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to peer_registry;

create table parentage (
  peer_id uuid not null,
  parent_peer_id uuid not null,
  spawn_mode text not null,
  token_digest bytea not null,
  refused_reason text not null default ''::text,
  refused_message text not null default ''::text,
  enrollment_sealed bytea,
  created_at timestamp with time zone not null,
  done_at timestamp with time zone,
  constraint parentage_pkey PRIMARY KEY (peer_id),
  constraint parentage_parent_peer_id_key UNIQUE (parent_peer_id),
  constraint parentage_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint parentage_done_is_empty CHECK (((done_at IS NULL) OR (enrollment_sealed IS NULL))),
  constraint parentage_spawn_mode_check CHECK ((spawn_mode = ANY (ARRAY['managed_child'::text, 'autonomous_peer'::text, 'cluster_member'::text]))),
  constraint parentage_token_digest_check CHECK ((length(token_digest) = 32))
);
CREATE TRIGGER parentage_guarded BEFORE UPDATE ON peer_registry.parentage FOR EACH ROW EXECUTE FUNCTION guard_parentage();
CREATE TRIGGER parentage_sealed BEFORE INSERT OR UPDATE OF enrollment_sealed ON peer_registry.parentage FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('enrollment_sealed');
grant insert, select, update on parentage to peer_registry;

create table peer (
  id uuid not null,
  name text not null default ''::text,
  state text not null,
  suspended_from text,
  reason text not null,
  since timestamp with time zone not null,
  kind text not null,
  spawn_mode text not null,
  spawn_role text not null,
  trust_mode text,
  we_redeem boolean not null,
  url text not null,
  platform_id text,
  identity_key bytea,
  trust_domain text,
  ca_pin bytea,
  trust_bundle bytea,
  trust_bundle_sequence bigint not null default 0,
  acknowledged_bundle_sequence bigint not null default 0,
  trust_receipt bytea,
  certificate_chain jsonb not null default '[]'::jsonb,
  certificate_key_sealed bytea,
  certificate_expires_at timestamp with time zone,
  remote_peer_id uuid,
  previous_peer_id uuid,
  parent_peer_id uuid,
  account_id text,
  remote_account_id text,
  environment_id text,
  remote_instance_id text,
  contract_version integer,
  contract_window jsonb,
  features jsonb not null default '[]'::jsonb,
  timers jsonb not null,
  disclosure jsonb not null,
  endpoints jsonb not null default '[]'::jsonb,
  capabilities jsonb not null default '{}'::jsonb,
  extension_slugs jsonb not null default '[]'::jsonb,
  prefix_advertisement text not null default ''::text,
  data_residency text not null default ''::text,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  enrolled_at timestamp with time zone,
  revoked_at timestamp with time zone,
  notified_at timestamp with time zone,
  adoption_offered text,
  adoption_offered_by_peer text,
  relationship_sequence bigint not null default 0,
  peer_relationship_sequence bigint not null default 0,
  revision bigint not null default 1,
  epoch bigint not null default 0,
  forgotten boolean not null default false,
  version_status text not null default ''::text,
  refused_kinds jsonb not null default '[]'::jsonb,
  constraint peer_pkey PRIMARY KEY (id),
  constraint peer_parent_peer_id_fkey FOREIGN KEY (parent_peer_id) REFERENCES peer(id),
  constraint peer_previous_peer_id_fkey FOREIGN KEY (previous_peer_id) REFERENCES peer(id),
  constraint peer_active_is_compatible CHECK (((state <> 'active'::text) OR (version_status <> 'incompatible'::text))),
  constraint peer_adoption_offered_by_peer_check CHECK ((adoption_offered_by_peer = ANY (ARRAY['parent'::text, 'child'::text]))),
  constraint peer_adoption_offered_check CHECK ((adoption_offered = ANY (ARRAY['parent'::text, 'child'::text]))),
  constraint peer_ca_pin_check CHECK ((length(ca_pin) = 32)),
  constraint peer_contract_version_check CHECK ((contract_version > 0)),
  constraint peer_enrolled_is_trusted CHECK (((state <> ALL (ARRAY['enrolled'::text, 'active'::text, 'degraded'::text])) OR ((kind = 'platform'::text) AND (trust_mode IS NOT NULL) AND (trust_bundle IS NOT NULL)))),
  constraint peer_forgotten_is_revoked CHECK (((NOT forgotten) OR (state = 'revoked'::text))),
  constraint peer_identity_key_check CHECK ((length(identity_key) = 32)),
  constraint peer_kind_check CHECK ((kind = ANY (ARRAY['platform'::text, 'sdwan_only'::text]))),
  constraint peer_known_when_live CHECK (((state = ANY (ARRAY['proposed'::text, 'revoked'::text])) OR ((platform_id IS NOT NULL) AND (identity_key IS NOT NULL) AND (trust_domain IS NOT NULL) AND (contract_version IS NOT NULL)))),
  constraint peer_platform_id_check CHECK ((platform_id ~ '^[a-z2-7]{32}$'::text)),
  constraint peer_prefix_advertisement_check CHECK ((prefix_advertisement ~ '^(fd[0-9a-f:]+::/(48|56|64))?$'::text)),
  constraint peer_revoked_is_dated CHECK (((state = 'revoked'::text) = (revoked_at IS NOT NULL))),
  constraint peer_spawn_mode_check CHECK ((spawn_mode = ANY (ARRAY['managed_child'::text, 'autonomous_peer'::text, 'cluster_member'::text, 'out_of_band'::text]))),
  constraint peer_spawn_role_check CHECK ((spawn_role = ANY (ARRAY['parent'::text, 'child'::text, 'symmetric'::text]))),
  constraint peer_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'accepted'::text, 'enrolled'::text, 'active'::text, 'degraded'::text, 'suspended'::text, 'revoked'::text]))),
  constraint peer_suspended_from_check CHECK ((suspended_from = ANY (ARRAY['accepted'::text, 'enrolled'::text, 'active'::text, 'degraded'::text]))),
  constraint peer_suspended_remembers CHECK (((state = 'suspended'::text) = (suspended_from IS NOT NULL))),
  constraint peer_trust_mode_check CHECK ((trust_mode = ANY (ARRAY['symmetric'::text, 'hierarchical'::text]))),
  constraint peer_url_check CHECK (((url = ''::text) OR (url ~ '^https://'::text))),
  constraint peer_version_status_check CHECK ((version_status = ANY (ARRAY[''::text, 'compatible'::text, 'degraded'::text, 'incompatible'::text])))
);
CREATE INDEX peer_by_epoch ON peer_registry.peer USING btree (epoch);
CREATE INDEX peer_by_platform ON peer_registry.peer USING btree (platform_id);
CREATE INDEX peer_by_state ON peer_registry.peer USING btree (state, id);
CREATE UNIQUE INDEX peer_name_once ON peer_registry.peer USING btree (name) WHERE ((name <> ''::text) AND (state <> 'revoked'::text));
CREATE UNIQUE INDEX peer_platform_once ON peer_registry.peer USING btree (platform_id) WHERE (state = ANY (ARRAY['accepted'::text, 'enrolled'::text, 'active'::text, 'degraded'::text, 'suspended'::text]));
CREATE INDEX peer_to_forget ON peer_registry.peer USING btree (revoked_at) WHERE ((state = 'revoked'::text) AND (NOT forgotten));
CREATE UNIQUE INDEX peer_trust_domain_once ON peer_registry.peer USING btree (trust_domain) WHERE (state = ANY (ARRAY['accepted'::text, 'enrolled'::text, 'active'::text, 'degraded'::text, 'suspended'::text]));
CREATE TRIGGER peer_fed BEFORE INSERT OR UPDATE ON peer_registry.peer FOR EACH ROW EXECUTE FUNCTION feed_stamp('peers');
CREATE TRIGGER peer_guarded BEFORE UPDATE ON peer_registry.peer FOR EACH ROW EXECUTE FUNCTION guard_peer();
CREATE TRIGGER peer_sealed BEFORE INSERT OR UPDATE OF certificate_key_sealed ON peer_registry.peer FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('certificate_key_sealed');
grant insert, select, update on peer to peer_registry;

create table platform (
  only_one boolean not null default true,
  platform_id text not null,
  identity_key bytea not null,
  identity_key_sealed bytea not null,
  trust_domain text not null,
  bundle_sequence bigint not null,
  bundle bytea not null,
  prefix_advertisement text not null default ''::text,
  created_at timestamp with time zone not null,
  epoch bigint not null default 0,
  platform_version text not null default ''::text,
  constraint platform_pkey PRIMARY KEY (only_one),
  constraint platform_bundle_sequence_check CHECK ((bundle_sequence >= 1)),
  constraint platform_identity_key_check CHECK ((length(identity_key) = 32)),
  constraint platform_only_one_check CHECK (only_one),
  constraint platform_platform_id_check CHECK ((platform_id ~ '^[a-z2-7]{32}$'::text)),
  constraint platform_prefix_advertisement_check CHECK ((prefix_advertisement ~ '^(fd[0-9a-f:]+::/(48|56|64))?$'::text))
);
CREATE TRIGGER platform_fed BEFORE INSERT OR UPDATE ON peer_registry.platform FOR EACH ROW EXECUTE FUNCTION feed_stamp('peers');
CREATE TRIGGER platform_guarded BEFORE UPDATE ON peer_registry.platform FOR EACH ROW EXECUTE FUNCTION guard_platform();
CREATE TRIGGER platform_sealed BEFORE INSERT OR UPDATE OF identity_key_sealed ON peer_registry.platform FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('identity_key_sealed');
grant insert, select, update on platform to peer_registry;

create table rotation (
  id uuid not null,
  step text not null,
  from_generation integer not null,
  to_generation integer not null,
  bundle_sequence bigint not null default 0,
  overridden jsonb not null default '[]'::jsonb,
  created_by text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  epoch bigint not null default 0,
  constraint rotation_pkey PRIMARY KEY (id),
  constraint rotation_from_generation_fkey FOREIGN KEY (from_generation) REFERENCES authority(generation),
  constraint rotation_to_generation_fkey FOREIGN KEY (to_generation) REFERENCES authority(generation),
  constraint rotation_step_check CHECK ((step = ANY (ARRAY['planned'::text, 'published'::text, 'switched'::text, 'retired'::text, 'cancelled'::text])))
);
CREATE UNIQUE INDEX rotation_one_open ON peer_registry.rotation USING btree ((true)) WHERE (step = ANY (ARRAY['planned'::text, 'published'::text, 'switched'::text]));
CREATE TRIGGER rotation_fed BEFORE INSERT OR UPDATE ON peer_registry.rotation FOR EACH ROW EXECUTE FUNCTION feed_stamp('peers');
grant insert, select, update on rotation to peer_registry;

create table sealing_key (
  id boolean not null default true,
  key_ids bytea[] not null default '{}'::bytea[],
  constraint sealing_key_pkey PRIMARY KEY (id),
  constraint sealing_key_id_check CHECK (id)
);
grant select, update on sealing_key to peer_registry;

create table spawned_child (
  peer_id uuid not null,
  spawn_id uuid not null,
  instance_id uuid not null,
  created_at timestamp with time zone not null,
  constraint spawned_child_pkey PRIMARY KEY (peer_id),
  constraint spawned_child_spawn_id_key UNIQUE (spawn_id),
  constraint spawned_child_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id)
);
grant insert, select on spawned_child to peer_registry;

create table told_version (
  process_id uuid not null,
  version text not null,
  seen_at timestamp with time zone not null,
  constraint told_version_pkey PRIMARY KEY (process_id)
);
grant delete, insert, select, update on told_version to peer_registry;

create table trust_holder (
  holder text not null,
  acknowledged_sequence bigint not null,
  generation integer not null,
  acknowledged_at timestamp with time zone not null,
  constraint trust_holder_pkey PRIMARY KEY (holder)
);
grant insert, select, update on trust_holder to peer_registry;

create table version_rule (
  id uuid not null,
  local_version text not null,
  remote_version text not null,
  status text not null,
  source text not null,
  refused_kinds jsonb not null default '[]'::jsonb,
  notes text not null default ''::text,
  set_by text not null,
  set_at timestamp with time zone not null,
  constraint version_rule_pkey PRIMARY KEY (id),
  constraint version_rule_once UNIQUE (local_version, remote_version, source),
  constraint version_rule_local_version_check CHECK ((local_version ~ '^[0-9]{1,5}(\.[0-9]{1,5}){0,2}$'::text)),
  constraint version_rule_refuses_when_degraded CHECK (((status = 'degraded'::text) OR (refused_kinds = '[]'::jsonb))),
  constraint version_rule_remote_version_check CHECK ((remote_version ~ '^[0-9]{1,5}(\.[0-9]{1,5}){0,2}$'::text)),
  constraint version_rule_source_check CHECK ((source = ANY (ARRAY['operator'::text, 'default'::text]))),
  constraint version_rule_status_check CHECK ((status = ANY (ARRAY['compatible'::text, 'degraded'::text, 'incompatible'::text])))
);
CREATE TRIGGER version_rule_guarded BEFORE DELETE OR UPDATE ON peer_registry.version_rule FOR EACH ROW EXECUTE FUNCTION guard_version_rule();
grant delete, insert, select, update on version_rule to peer_registry;
