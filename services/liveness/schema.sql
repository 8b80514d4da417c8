-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema liveness to liveness;

CREATE OR REPLACE FUNCTION liveness.guard_executed_approval()
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

CREATE OR REPLACE FUNCTION liveness.guard_finding()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.closed_at is not null and (
    new.closed_at is not null or new.reopened_at is null or new.reopened_at > old.closed_at + interval '1 hour'
  ) then
    raise exception 'finding % is closed', old.id using errcode = 'check_violation';
  end if;
  if (new.id, new.kind, new.peer_id, new.about, new.opened_at)
    is distinct from (old.id, old.kind, old.peer_id, old.about, old.opened_at) then
    raise exception 'finding % is about something else', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

create table commitment (
  number integer not null,
  result text not null,
  detail text not null,
  checked_at timestamp with time zone not null,
  constraint commitment_pkey PRIMARY KEY (number),
  constraint commitment_number_check CHECK (((number >= 1) AND (number <= 12))),
  constraint commitment_result_check CHECK ((result = ANY (ARRAY['kept'::text, 'broken'::text, 'unknown'::text, 'not_checkable'::text])))
);
grant delete, insert, select, update on commitment to liveness;

create table commitment_breach (
  number integer not null,
  peer_id text not null,
  detail text not null,
  constraint commitment_breach_pkey PRIMARY KEY (number, peer_id),
  constraint commitment_breach_number_fkey FOREIGN KEY (number) REFERENCES commitment(number)
);
CREATE INDEX commitment_breach_of_peer ON liveness.commitment_breach USING btree (peer_id);
grant delete, insert, select, update on commitment_breach to liveness;

create table ear (
  one boolean not null default true,
  open_at timestamp with time zone not null,
  constraint ear_pkey PRIMARY KEY (one),
  constraint ear_one_check CHECK (one)
);
grant insert, select, update on ear to liveness;

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
CREATE TRIGGER executed_approval_guarded BEFORE UPDATE ON liveness.executed_approval FOR EACH ROW EXECUTE FUNCTION guard_executed_approval();
grant insert, select, update on executed_approval to liveness;

create table expectation (
  peer_id uuid not null,
  since timestamp with time zone not null,
  constraint expectation_pkey PRIMARY KEY (peer_id)
);
grant delete, insert, select, update on expectation to liveness;

create table finding (
  id uuid not null,
  kind text not null,
  severity text not null,
  peer_id text not null,
  about text not null,
  message text not null,
  remedy text not null,
  waiting_on text not null,
  payload jsonb not null,
  opened_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  closed_at timestamp with time zone,
  reopened_at timestamp with time zone,
  missing_since timestamp with time zone,
  acknowledged_by text not null default ''::text,
  acknowledged_at timestamp with time zone,
  note text not null default ''::text,
  constraint finding_pkey PRIMARY KEY (id),
  constraint finding_check CHECK (((opened_at <= updated_at) AND ((closed_at IS NULL) OR (closed_at >= opened_at)))),
  constraint finding_check1 CHECK ((((acknowledged_at IS NULL) = (acknowledged_by = ''::text)) AND ((acknowledged_at IS NULL) = (note = ''::text)))),
  constraint finding_kind_check CHECK ((kind = ANY (ARRAY['prefix_overlap_with_install'::text, 'prefix_overlap_with_other_peer'::text, 'stale_accepted_without_handshake'::text, 'expired_trust'::text, 'peer_heartbeat_stale'::text, 'peer_capability_drift'::text, 'peer_residency_missing'::text, 'peer_schema_version_missing'::text, 'peer_schema_version_drift'::text, 'peer_cert_expiring'::text, 'peer_cert_expired'::text, 'peer_patience_long'::text]))),
  constraint finding_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
  constraint finding_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text]))),
  constraint finding_waiting_on_check CHECK ((waiting_on = ANY (ARRAY['us'::text, 'them'::text, 'nobody'::text])))
);
CREATE INDEX finding_closed ON liveness.finding USING btree (closed_at) WHERE (closed_at IS NOT NULL);
CREATE INDEX finding_gravest ON liveness.finding USING btree (array_position(ARRAY['critical'::text, 'high'::text, 'medium'::text, 'low'::text], severity), id DESC) WHERE (closed_at IS NULL);
CREATE INDEX finding_of_peer ON liveness.finding USING btree (peer_id);
CREATE UNIQUE INDEX finding_open ON liveness.finding USING btree (kind, peer_id, about) WHERE (closed_at IS NULL);
CREATE TRIGGER finding_guarded BEFORE UPDATE ON liveness.finding FOR EACH ROW EXECUTE FUNCTION guard_finding();
grant delete, insert, select, update on finding to liveness;

create table freshness (
  peer_id uuid not null,
  stale_after_ms integer not null,
  last_heard_at timestamp with time zone,
  epoch bigint not null default 0,
  remembered_epoch bigint not null default 0,
  incarnation bytea,
  past_incarnations bytea not null default '\x'::bytea,
  sequence bigint not null default 0,
  last_nonce bytea,
  description_sha256 bytea,
  trust_bundle_sequence bigint not null default 0,
  restored_at timestamp with time zone,
  shown_bookmark bytea not null default '\x'::bytea,
  given_bookmark bytea not null default '\x'::bytea,
  last_heard_by_them_at timestamp with time zone,
  sent_nonces bytea not null default '\x'::bytea,
  unplaced_echo bytea,
  held_bookmark bytea not null default '\x'::bytea,
  state_there text not null default ''::text,
  clock_offset_ms double precision,
  round_trip_ms double precision,
  next_beat_at timestamp with time zone,
  consecutive_failures integer not null default 0,
  last_error text not null default ''::text,
  last_error_at timestamp with time zone,
  announced text not null default 'unknown'::text,
  announced_at timestamp with time zone,
  silent_at timestamp with time zone,
  bundle_announced_sequence bigint not null default 0,
  bundle_announced_at timestamp with time zone,
  version_status_there text not null default ''::text,
  constraint freshness_pkey PRIMARY KEY (peer_id),
  constraint freshness_announced_check CHECK ((announced = ANY (ARRAY['unknown'::text, 'heard'::text, 'silent'::text]))),
  constraint freshness_check CHECK (((announced = 'heard'::text) = (silent_at IS NOT NULL))),
  constraint freshness_given_bookmark_check CHECK ((octet_length(given_bookmark) = ANY (ARRAY[0, 24]))),
  constraint freshness_held_bookmark_check CHECK ((octet_length(held_bookmark) = ANY (ARRAY[0, 24]))),
  constraint freshness_past_incarnations_check CHECK ((octet_length(past_incarnations) <= 128)),
  constraint freshness_sent_nonces_check CHECK ((octet_length(sent_nonces) <= 96)),
  constraint freshness_shown_bookmark_check CHECK ((octet_length(shown_bookmark) = ANY (ARRAY[0, 24]))),
  constraint freshness_stale_after_ms_check CHECK ((stale_after_ms > 0)),
  constraint freshness_unplaced_echo_check CHECK ((octet_length(unplaced_echo) = 16)),
  constraint freshness_version_status_there_check CHECK ((version_status_there = ANY (ARRAY[''::text, 'compatible'::text, 'degraded'::text, 'incompatible'::text])))
) with (autovacuum_vacuum_cost_limit=2000, autovacuum_vacuum_scale_factor=0.05, fillfactor=70);
CREATE INDEX freshness_deadline ON liveness.freshness USING btree (silent_at) WHERE (announced = 'heard'::text);
CREATE INDEX freshness_silent ON liveness.freshness USING btree (peer_id) WHERE (announced = 'silent'::text);
grant delete, insert, select, update on freshness to liveness;

create table governance_scan (
  one boolean not null default true,
  as_of timestamp with time zone not null,
  scanned_at timestamp with time zone not null,
  peers integer not null,
  unread text[] not null,
  contract_version integer not null,
  contract_sha256 text not null,
  constraint governance_scan_pkey PRIMARY KEY (one),
  constraint governance_scan_one_check CHECK (one),
  constraint governance_scan_peers_check CHECK ((peers >= 0))
);
grant insert, select, update on governance_scan to liveness;

create table listening (
  one boolean not null default true,
  since timestamp with time zone not null,
  reason text not null,
  ticked_at timestamp with time zone not null,
  tick_ms integer not null,
  constraint listening_pkey PRIMARY KEY (one),
  constraint listening_check CHECK ((since <= ticked_at)),
  constraint listening_one_check CHECK (one),
  constraint listening_tick_ms_check CHECK ((tick_ms > 0))
);
grant insert, select, update on listening to liveness;

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
CREATE INDEX outbox_kept ON liveness.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON liveness.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to liveness;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to liveness;

create table platform (
  one boolean not null default true,
  epoch bigint not null,
  incarnation bytea not null,
  started_at timestamp with time zone not null,
  restored_at timestamp with time zone,
  constraint platform_pkey PRIMARY KEY (one),
  constraint platform_epoch_check CHECK ((epoch >= 1)),
  constraint platform_incarnation_check CHECK ((octet_length(incarnation) = 16)),
  constraint platform_one_check CHECK (one)
);
grant insert, select, update on platform to liveness;

create table remediation (
  id uuid not null,
  peer_id uuid not null,
  signal_id uuid,
  reason text not null,
  decided_at timestamp with time zone not null,
  verb text not null,
  mode text not null,
  action text not null,
  why_held text not null default ''::text,
  would_have text not null default ''::text,
  detail text not null,
  inputs jsonb not null,
  probes jsonb not null default '[]'::jsonb,
  reachable boolean not null,
  approval_id uuid,
  finished_at timestamp with time zone not null,
  recovered_at timestamp with time zone,
  actor text not null,
  constraint remediation_pkey PRIMARY KEY (id),
  constraint remediation_action_check CHECK ((action = ANY (ARRAY['rehandshaked'::text, 'degraded'::text, 'alerted'::text, 'held'::text, 'awaiting_approval'::text]))),
  constraint remediation_check CHECK (((action = 'held'::text) = (why_held <> ''::text))),
  constraint remediation_mode_check CHECK ((mode = ANY (ARRAY['acting'::text, 'observing'::text, 'paused'::text]))),
  constraint remediation_verb_check CHECK ((verb = ANY (ARRAY['auto_approve'::text, 'notify_and_proceed'::text, 'require_approval'::text, 'blocked'::text])))
);
CREATE INDEX remediation_approval ON liveness.remediation USING btree (approval_id) WHERE (approval_id IS NOT NULL);
CREATE INDEX remediation_decided ON liveness.remediation USING btree (decided_at);
CREATE INDEX remediation_degraded ON liveness.remediation USING btree (decided_at) WHERE (action = 'degraded'::text);
CREATE INDEX remediation_of_peer ON liveness.remediation USING btree (peer_id, id);
grant delete, insert, select, update on remediation to liveness;

create table remediation_loop (
  one boolean not null default true,
  mode text not null default 'acting'::text,
  mode_reason text not null default ''::text,
  mode_by text not null default ''::text,
  mode_since timestamp with time zone,
  breaker_since timestamp with time zone,
  breaker_reason text not null default ''::text,
  breaker_calm_ticks integer not null default 0,
  latest uuid[] not null default '{}'::uuid[],
  late integer not null default 0,
  watched integer not null default 0,
  tick_took_ms double precision not null default 0,
  breaker_share double precision not null default 0.3,
  breaker_least integer not null default 4,
  budget_per_hour integer not null default 0,
  patience integer not null default 1,
  clock_skew_ms double precision not null default 30000,
  cert_warning_ms double precision not null default '2592000000'::bigint,
  constraint remediation_loop_pkey PRIMARY KEY (one),
  constraint remediation_loop_breaker_least_check CHECK ((breaker_least >= 2)),
  constraint remediation_loop_breaker_share_check CHECK (((breaker_share > (0)::double precision) AND (breaker_share <= (1)::double precision))),
  constraint remediation_loop_budget_per_hour_check CHECK ((budget_per_hour >= 0)),
  constraint remediation_loop_cert_warning_ms_check CHECK ((cert_warning_ms > (0)::double precision)),
  constraint remediation_loop_check CHECK (((breaker_since IS NULL) = (breaker_reason = ''::text))),
  constraint remediation_loop_clock_skew_ms_check CHECK ((clock_skew_ms > (0)::double precision)),
  constraint remediation_loop_latest_check CHECK ((cardinality(latest) <= 10)),
  constraint remediation_loop_mode_check CHECK ((mode = ANY (ARRAY['acting'::text, 'observing'::text, 'paused'::text]))),
  constraint remediation_loop_one_check CHECK (one),
  constraint remediation_loop_patience_check CHECK ((patience >= 0))
);
grant select, update on remediation_loop to liveness;

create table review (
  id uuid not null,
  trigger text not null,
  requested_by text not null,
  started_at timestamp with time zone not null,
  completed_at timestamp with time zone not null,
  unread text[] not null,
  archived_grants integer not null,
  constraint review_pkey PRIMARY KEY (id),
  constraint review_archived_grants_check CHECK ((archived_grants >= 0)),
  constraint review_check CHECK ((completed_at >= started_at)),
  constraint review_trigger_check CHECK ((trigger = ANY (ARRAY['weekly'::text, 'on_demand'::text])))
);
CREATE INDEX review_by_age ON liveness.review USING btree (completed_at);
CREATE INDEX review_weekly ON liveness.review USING btree (started_at DESC) WHERE (trigger = 'weekly'::text);
grant delete, insert, select on review to liveness;

create table review_list (
  review_id uuid not null,
  key text not null,
  severity text not null,
  count integer not null,
  items jsonb not null,
  constraint review_list_pkey PRIMARY KEY (review_id, key),
  constraint review_list_review_id_fkey FOREIGN KEY (review_id) REFERENCES review(id) ON DELETE CASCADE,
  constraint review_list_check CHECK ((count >= jsonb_array_length(items))),
  constraint review_list_items_check CHECK ((jsonb_typeof(items) = 'array'::text)),
  constraint review_list_key_check CHECK ((key = ANY (ARRAY['cert_rotation_candidates'::text, 'grants_approaching_expiry'::text, 'grants_overdue_for_review'::text, 'broad_scope_grants'::text, 'capability_drift'::text, 'unused_grants'::text]))),
  constraint review_list_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])))
);
grant delete, insert, select on review_list to liveness;

create table service_level (
  peer_id uuid not null,
  span text not null,
  since timestamp with time zone not null,
  watched_ms integer not null default 0,
  both_ms integer not null default 0,
  heard_ms integer not null default 0,
  heard_by_them_ms integer not null default 0,
  beats_sent integer not null default 0,
  beats_answered integer not null default 0,
  beats_heard integer not null default 0,
  round_trips bytea not null default '\x'::bytea,
  silences integer not null default 0,
  longest_silence_ms bigint not null default 0,
  constraint service_level_pkey PRIMARY KEY (peer_id, span, since),
  constraint service_level_beats_heard_check CHECK ((beats_heard >= 0)),
  constraint service_level_beats_sent_check CHECK ((beats_sent >= 0)),
  constraint service_level_check CHECK (((both_ms >= 0) AND (both_ms <= watched_ms))),
  constraint service_level_check1 CHECK (((heard_ms >= both_ms) AND (heard_ms <= watched_ms))),
  constraint service_level_check2 CHECK (((heard_by_them_ms >= both_ms) AND (heard_by_them_ms <= watched_ms))),
  constraint service_level_check3 CHECK (((beats_answered >= 0) AND (beats_answered <= beats_sent))),
  constraint service_level_longest_silence_ms_check CHECK ((longest_silence_ms >= 0)),
  constraint service_level_silences_check CHECK ((silences >= 0)),
  constraint service_level_span_check CHECK ((span = ANY (ARRAY['hour'::text, 'day'::text]))),
  constraint service_level_watched_ms_check CHECK ((watched_ms >= 0))
);
CREATE INDEX service_level_by_age ON liveness.service_level USING btree (span, since);
grant delete, insert, select, update on service_level to liveness;

create table signal (
  id uuid not null,
  peer_id uuid not null,
  reason text not null,
  severity text not null,
  fingerprint text not null,
  detail text not null,
  certificate text not null default ''::text,
  peer_state text not null,
  last_heartbeat_at timestamp with time zone,
  opened_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  closed_at timestamp with time zone,
  ending text not null default ''::text,
  trouble_since timestamp with time zone not null,
  next_look_at timestamp with time zone not null,
  seen integer not null,
  patience_used integer not null,
  looks integer not null,
  escalation smallint not null,
  calm_since timestamp with time zone,
  remediation_id uuid,
  approval_id uuid,
  asked_id uuid,
  constraint signal_pkey PRIMARY KEY (id),
  constraint signal_check CHECK (((closed_at IS NULL) = (ending = ''::text))),
  constraint signal_ending_check CHECK ((ending = ANY (ARRAY[''::text, 'recovered'::text, 'renamed'::text, 'gone'::text]))),
  constraint signal_escalation_check CHECK (((escalation >= 0) AND (escalation <= 2))),
  constraint signal_reason_check CHECK ((reason = ANY (ARRAY['heartbeat_stale'::text, 'one_way'::text, 'clock_skew'::text, 'epoch_regression'::text, 'cert_expiring'::text, 'cert_expired'::text]))),
  constraint signal_seen_check CHECK ((seen >= 1)),
  constraint signal_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])))
);
CREATE INDEX signal_closed ON liveness.signal USING btree (closed_at) WHERE (closed_at IS NOT NULL);
CREATE INDEX signal_due ON liveness.signal USING btree (next_look_at) WHERE (closed_at IS NULL);
CREATE INDEX signal_newest ON liveness.signal USING btree (id) WHERE (closed_at IS NULL);
CREATE INDEX signal_of_peer ON liveness.signal USING btree (peer_id, id);
CREATE UNIQUE INDEX signal_open ON liveness.signal USING btree (peer_id, reason) WHERE (closed_at IS NULL);
grant delete, insert, select, update on signal to liveness;
