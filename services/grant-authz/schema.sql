-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema grant_authz to grant_authz;

CREATE OR REPLACE FUNCTION grant_authz.guard_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'grant % is revoked for good', old.id using errcode = 'check_violation';
  end if;
  if (new.id, new.peer_id, new.remote_subject, new.resource_kind, new.issued_at, new.expires_at)
    is distinct from (old.id, old.peer_id, old.remote_subject, old.resource_kind, old.issued_at, old.expires_at)
    or new.resource_id is distinct from old.resource_id
    or (new.scopes, new.node_instance_ids, new.sdwan_network_ids, new.source_cidrs)
    is distinct from (old.scopes, old.node_instance_ids, old.sdwan_network_ids, old.source_cidrs)
  then
    raise exception 'grant % cannot be rewritten: revoke it and issue another', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION grant_authz.guard_peer()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'peer % is revoked for good', old.id using errcode = 'check_violation';
  end if;
  if old.operator_grant_id is not null and new.operator_grant_id is distinct from old.operator_grant_id then
    raise exception 'peer % was given its operator grant', old.id using errcode = 'check_violation';
  end if;
  return new;
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
grant insert, select on dead_letter to grant_authz;

create table federation_grant (
  id uuid not null,
  peer_id uuid not null,
  remote_subject text not null,
  resource_kind text not null,
  resource_id uuid,
  scopes text[] not null,
  node_instance_ids text[] not null,
  sdwan_network_ids text[] not null,
  source_cidrs text[] not null,
  issued_at timestamp with time zone not null,
  issued_by text not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  revocation_reason text not null default ''::text,
  archived_at timestamp with time zone,
  metadata jsonb not null default '{}'::jsonb,
  constraint federation_grant_pkey PRIMARY KEY (id),
  constraint federation_grant_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer(id),
  constraint federation_grant_remote_subject_check CHECK (((length(remote_subject) >= 1) AND (length(remote_subject) <= 256))),
  constraint federation_grant_resource_kind_check CHECK (((length(resource_kind) >= 1) AND (length(resource_kind) <= 64))),
  constraint federation_grant_revocation_reason_check CHECK ((length(revocation_reason) <= 256)),
  constraint grant_any_stands_alone CHECK (((('*'::text <> ALL (node_instance_ids)) OR (cardinality(node_instance_ids) = 1)) AND (('*'::text <> ALL (sdwan_network_ids)) OR (cardinality(sdwan_network_ids) = 1)) AND (('*'::text <> ALL (source_cidrs)) OR (cardinality(source_cidrs) = 1)))),
  constraint grant_archived_when_over CHECK (((archived_at IS NULL) OR (revoked_at IS NOT NULL))),
  constraint grant_lasts_a_minute CHECK ((expires_at >= (issued_at + '00:01:00'::interval))),
  constraint grant_scopes_known CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text, 'migrate'::text])))
);
CREATE INDEX federation_grant_by_peer ON grant_authz.federation_grant USING btree (peer_id, id);
CREATE INDEX federation_grant_live ON grant_authz.federation_grant USING btree (peer_id) WHERE (revoked_at IS NULL);
CREATE TRIGGER grant_guarded BEFORE UPDATE ON grant_authz.federation_grant FOR EACH ROW EXECUTE FUNCTION guard_grant();
grant insert, select, update on federation_grant to grant_authz;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON grant_authz.inbox USING btree (handled_at);
grant delete, insert, select on inbox to grant_authz;

create table outbox (
  "position" bigint not null generated always as identity,
  id uuid not null,
  subject text not null,
  event bytea not null,
  queued_at timestamp with time zone not null,
  published_at timestamp with time zone,
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
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to grant_authz;

create table peer (
  id uuid not null,
  operator_grant_id uuid,
  revoked_at timestamp with time zone,
  constraint peer_pkey PRIMARY KEY (id),
  constraint peer_operator_grant_id_key UNIQUE (operator_grant_id),
  constraint peer_operator_grant_id_fkey FOREIGN KEY (operator_grant_id) REFERENCES federation_grant(id)
);
CREATE TRIGGER peer_guarded BEFORE UPDATE ON grant_authz.peer FOR EACH ROW EXECUTE FUNCTION guard_peer();
grant insert, select, update on peer to grant_authz;

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
