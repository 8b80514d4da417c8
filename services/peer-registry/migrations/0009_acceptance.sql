-- breaking: no

-- Runs of the skill federation_acceptance: an invitation is taken up, and what follows from it is done, step by step.
create table acceptance_run (
  -- That of its approval, where it took one.
  id uuid primary key,
  state text not null check (state in ('running', 'done', 'warned', 'failed')),
  requested_by text not null,
  correlation_id text not null,
  traceparent text not null,
  -- What was asked, without the token.
  request bytea not null,
  -- The invitation, until the errand that redeems it has it; never after the run is over.
  token_sealed bytea,
  peer_id uuid references peer (id),
  contract_version_agreed integer not null default 0,
  steps jsonb not null check (jsonb_typeof(steps) = 'array'),
  -- What the steps brought, as the source documents name it.
  node_enrollment jsonb,
  -- The network and the node that sdwan_attach goes to, as they were named when that was asked for: the metadata of the peer
  -- are in the hands of whoever keeps peers, and this step lets somebody in.
  attach_to jsonb not null,
  sdwan_attach jsonb,
  governance jsonb,
  failure_reason text not null default '',
  failure_message text not null default '',
  next text not null default '',
  started_at timestamptz not null,
  finished_at timestamptz,
  -- It is gone on with then.
  due_at timestamptz not null,
  constraint acceptance_run_finished check ((state = 'running') = (finished_at is null)),
  constraint acceptance_run_wiped check (state = 'running' or token_sealed is null),
  constraint acceptance_run_failed check ((state = 'failed') = (failure_reason <> ''))
);
create index acceptance_run_unfinished on acceptance_run (due_at) where finished_at is null;

-- A run that failed stays so. One that is done is opened again only to repeat a soft step.
create function guard_acceptance_run() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
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
$$;
create trigger acceptance_run_guarded before update on acceptance_run
  for each row execute function guard_acceptance_run();

create function ring_acceptances() returns trigger language plpgsql as $$
begin
  perform pg_notify('peer_registry_acceptances', '');
  return null;
end
$$;
create trigger acceptance_run_rings after insert or update of state on acceptance_run
  for each row execute function ring_acceptances();

create trigger acceptance_run_sealed before insert or update of token_sealed on acceptance_run
  for each row execute function sealed_under_newest('token_sealed');

grant select, insert, update on acceptance_run to peer_registry;
