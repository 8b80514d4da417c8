-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema audit_ledger to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.append_only_at_the_end()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
AS $function$
declare
  before bytea;
begin
  select hash into before from entry where log = new.log and sequence = new.sequence - 1;
  if new.previous_hash is distinct from (case when new.sequence = 1 then decode(repeat('00', 32), 'hex') else before end) then
    raise exception 'entry % of log % does not stand on entry %', new.sequence, new.log, new.sequence - 1
      using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  raise exception '% of % is refused: what happened stays written', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end
$function$;

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
grant insert, select on dead_letter to audit_ledger;

create table decision (
  id uuid not null,
  peer_id text not null,
  direction text not null,
  at timestamp with time zone not null,
  allowed boolean not null,
  reason text not null,
  axis text not null,
  detail text not null,
  rpc text not null,
  resource_kind text not null,
  resource_id text not null,
  scope text not null,
  node_instance_id text not null,
  sdwan_network_id text not null,
  source_address text not null,
  grant_id text not null,
  data_class text not null,
  resource_region text not null,
  destination_region text not null,
  residency_mode text not null,
  residency_rule_id text not null,
  advised boolean not null,
  override_id text not null,
  request_id text not null,
  traceparent text not null,
  policy_epoch bigint not null,
  remote_decision_id uuid,
  constraint decision_pkey PRIMARY KEY (id),
  constraint decision_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text]))),
  constraint decision_is_allowed_or_not CHECK ((allowed = (reason = 'ALLOWED'::text)))
);
CREATE INDEX decision_by_at ON audit_ledger.decision USING btree (at, id);
CREATE INDEX decision_by_peer ON audit_ledger.decision USING btree (peer_id, at, id);
CREATE INDEX decision_by_remote_id ON audit_ledger.decision USING btree (remote_decision_id) WHERE (remote_decision_id IS NOT NULL);
CREATE TRIGGER decision_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.decision FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant delete, insert, select on decision to audit_ledger;

create table entry (
  log text not null,
  sequence bigint not null,
  action text not null,
  at timestamp with time zone not null,
  actor text not null,
  payload jsonb not null,
  event_id uuid not null,
  correlation_id text not null,
  canonical bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  constraint entry_pkey PRIMARY KEY (log, sequence),
  constraint entry_event_id_key UNIQUE (event_id),
  constraint entry_stands_on_one_other UNIQUE (log, previous_hash),
  constraint entry_log_fkey FOREIGN KEY (log) REFERENCES log(name),
  constraint entry_canonical_check CHECK ((length(canonical) <= 65535)),
  constraint entry_hash_is_right CHECK ((hash = sha256((previous_hash || canonical)))),
  constraint entry_previous_hash_check CHECK ((length(previous_hash) = 32)),
  constraint entry_sequence_check CHECK ((sequence >= 1))
);
CREATE TRIGGER entry_appended BEFORE INSERT ON audit_ledger.entry FOR EACH ROW EXECUTE FUNCTION append_only_at_the_end();
CREATE TRIGGER entry_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on entry to audit_ledger;

create table event (
  "position" bigint not null generated always as identity,
  id uuid not null,
  kind text not null,
  severity text not null,
  source text not null,
  peer_id text not null,
  actor text not null,
  at timestamp with time zone not null,
  correlation_id text not null,
  payload jsonb not null,
  constraint event_pkey PRIMARY KEY ("position"),
  constraint event_id_key UNIQUE (id),
  constraint event_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])))
);
CREATE INDEX event_by_at ON audit_ledger.event USING btree (at);
CREATE INDEX event_by_kind ON audit_ledger.event USING btree (kind text_pattern_ops, "position");
CREATE INDEX event_by_peer ON audit_ledger.event USING btree (peer_id, "position");
CREATE INDEX event_running_out ON audit_ledger.event USING btree (severity, at);
CREATE TRIGGER event_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant delete, insert, select on event to audit_ledger;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON audit_ledger.inbox USING btree (handled_at);
grant insert, select on inbox to audit_ledger;

create table log (
  name text not null,
  opened_at timestamp with time zone not null,
  constraint log_pkey PRIMARY KEY (name),
  constraint log_name_check CHECK (((length(name) >= 1) AND (length(name) <= 128)))
);
CREATE TRIGGER log_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on log to audit_ledger;
