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

-- Invitations that wait for somebody to approve that they are taken up. An approval holds no secret; this holds it, sealed,
-- from the moment it is asked for until it is carried out, rejected, or its time is over.
create table held_invitation (
  plan_sha256 bytea not null check (length(plan_sha256) = 32),
  requested_by text not null check (requested_by ~ '^operator/'),
  invitation_sealed bytea not null,
  -- Null until grant-authz has answered.
  approval_id uuid,
  held_at timestamptz not null,
  primary key (plan_sha256, requested_by)
);

create trigger held_invitation_sealed before insert or update of invitation_sealed on held_invitation
  for each row execute function sealed_under_newest('invitation_sealed');

grant select, insert, update on executed_approval to peer_registry;
grant select, insert, update, delete on held_invitation to peer_registry;
