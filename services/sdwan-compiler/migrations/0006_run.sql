-- breaking: no

-- A run of a skill: a list of steps that survives a crash. Each step is one transaction, which makes a record of intent and
-- notes that it did: no kill leaves a record that no run knows of.
create table run (
  id uuid primary key,
  -- The same request again is the same run.
  request_id uuid unique,
  skill text not null check (skill in ('sdwan_federation_compose', 'multi_tenant_isolation')),
  -- What was asked, as it was asked.
  request bytea not null,
  state text not null check (state in ('running', 'done', 'partial', 'failed', 'rolling_back', 'rolled_back')),
  roll_back_on_failure boolean not null,
  failures jsonb not null check (jsonb_typeof(failures) = 'array'),
  requested_by text not null,
  correlation_id text not null,
  traceparent text not null,
  requested_at timestamptz not null,
  finished_at timestamptz,
  -- After a fault it is gone on with then.
  due_at timestamptz not null,
  attempts integer not null check (attempts >= 0),
  constraint run_finished check ((state in ('running', 'rolling_back')) = (finished_at is null))
);
create index run_unfinished on run (due_at) where finished_at is null;

create table run_step (
  run_id uuid not null references run on delete cascade,
  place integer not null check (place >= 0),
  name text not null check (name ~ '^[a-z_]{1,48}$'),
  -- For people: what it does.
  action text not null,
  status text not null check (status in ('pending', 'done', 'failed', 'undone', 'skipped')),
  detail text not null,
  -- The record that it makes: its id is chosen before it is made, so that it is made once. Null: it only looks.
  record_kind text,
  record_id uuid unique,
  primary key (run_id, place),
  constraint run_step_record check ((record_kind is null) = (record_id is null)),
  constraint run_step_undone check (status <> 'undone' or record_id is not null)
);

-- A run moves by the states below, and by no others.
create function guard_run() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.id <> old.id or new.skill <> old.skill or new.request <> old.request or new.requested_by <> old.requested_by then
    raise exception 'what was asked of run % never changes', old.id using errcode = 'check_violation';
  end if;
  if new.state <> old.state and not (old.state, new.state) in (
    ('running', 'done'), ('running', 'partial'), ('running', 'failed'), ('running', 'rolling_back'),
    ('done', 'rolling_back'), ('partial', 'rolling_back'),
    ('rolling_back', 'rolled_back'), ('rolling_back', 'partial')
  ) then
    raise exception 'a run that is % does not become %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger run_guarded before update on run for each row execute function guard_run();

create function ring_runs() returns trigger language plpgsql as $$
begin
  perform pg_notify('sdwan_compiler_runs', new.id::text);
  return null;
end
$$;
create trigger run_rings after insert or update of state on run for each row execute function ring_runs();

grant select, insert, update on run, run_step to sdwan_compiler;
