-- breaking: no

-- libs/approvals: what was approved and is ours to carry out, so that it is carried out once.
create table executed_approval (
  approval_id uuid primary key,
  outcome text not null check (outcome in ('trying', 'executed', 'failed')),
  -- How often it ended in a fault.
  attempts integer not null default 0 check (attempts >= 0),
  failure_reason text not null default '',
  failure_message text not null default '',
  at timestamptz not null,
  constraint executed_approval_failed check ((outcome = 'failed') = (failure_reason <> ''))
);

create function guard_executed_approval() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.outcome <> 'trying' and new is distinct from old then
    raise exception 'approval % was carried out', old.approval_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger executed_approval_guarded before update on executed_approval
  for each row execute function guard_executed_approval();

grant select, insert, update on executed_approval to spawn_provisioner;
