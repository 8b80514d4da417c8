-- breaking: no

-- The peers we have heard of. The row is the lock under which all that concerns a peer's grants is decided: of an
-- enrolment and a revocation that arrive together, or in the wrong order, the revocation wins.
create table peer (
  id uuid primary key,
  -- The grant that was given by itself at enrolment. Once: not again by a repeated message, whatever became of it.
  operator_grant_id uuid unique,
  revoked_at timestamptz
);

-- What a peer may do here. ("grant" alone is a word of SQL.)
create table federation_grant (
  id uuid primary key,
  peer_id uuid not null references peer (id),
  remote_subject text not null check (length(remote_subject) between 1 and 256),
  resource_kind text not null check (length(resource_kind) between 1 and 64),
  resource_id uuid,
  scopes text[] not null,
  node_instance_ids text[] not null,
  sdwan_network_ids text[] not null,
  source_cidrs text[] not null,
  issued_at timestamptz not null,
  issued_by text not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revocation_reason text not null default '' check (length(revocation_reason) <= 256),
  archived_at timestamptz,
  metadata jsonb not null default '{}',
  constraint grant_scopes_known check (cardinality(scopes) > 0 and scopes <@ array['read', 'write', 'admin', 'migrate']),
  constraint grant_any_stands_alone check (
    ('*' <> all (node_instance_ids) or cardinality(node_instance_ids) = 1)
    and ('*' <> all (sdwan_network_ids) or cardinality(sdwan_network_ids) = 1)
    and ('*' <> all (source_cidrs) or cardinality(source_cidrs) = 1)
  ),
  constraint grant_lasts_a_minute check (expires_at >= issued_at + interval '1 minute'),
  constraint grant_archived_when_over check (archived_at is null or revoked_at is not null)
);
create index federation_grant_by_peer on federation_grant (peer_id, id);
create index federation_grant_live on federation_grant (peer_id) where revoked_at is null;
alter table peer add foreign key (operator_grant_id) references federation_grant (id);

-- What was revoked stays revoked, and a grant never changes hands or grows: the owner's word too.
create function guard_grant() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
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
$$;
create trigger grant_guarded before update on federation_grant for each row execute function guard_grant();

create function guard_peer() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'peer % is revoked for good', old.id using errcode = 'check_violation';
  end if;
  if old.operator_grant_id is not null and new.operator_grant_id is distinct from old.operator_grant_id then
    raise exception 'peer % was given its operator grant', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger peer_guarded before update on peer for each row execute function guard_peer();

-- Peers to be looked at: peer-registry is asked what they are, and that decides. A row says that there is something to
-- see, never what: whoever can ring the bell (an event, a timer) decides nothing by it.
create table peer_review (
  peer_id uuid primary key,
  due_at timestamptz not null,
  attempts integer not null default 0 check (attempts >= 0),
  -- Grows with each ring, so that one that comes while the registry is being asked is not lost with the answer.
  rings bigint not null default 1,
  -- Joins what comes of it with what led to it. Decides nothing.
  correlation_id text not null,
  traceparent text not null
);
create index peer_review_due on peer_review (due_at);

grant usage on schema grant_authz to grant_authz;
grant select, insert, update on peer, federation_grant to grant_authz;
grant select, insert, update, delete on peer_review to grant_authz;
