-- breaking: no

-- What has to be approved before it is done: the verb of each action, and how many people it takes.
create table approval_policy (
  action text primary key check (action ~ '^[a-z_]+(\.[a-z0-9_]+)+$' and length(action) <= 128),
  verb text not null check (verb in ('auto_approve', 'notify_and_proceed', 'require_approval', 'blocked')),
  approvers integer not null default 1 check (approvers between 1 and 16),
  description text not null,
  -- operator/<name>, or peer/<id> of the parent whose policy it is; nobody, until then.
  set_by text not null default '',
  set_at timestamptz,
  -- While it is the parent's: what it was before, and will be again when we are its child no more.
  own_verb text check (own_verb in ('auto_approve', 'notify_and_proceed', 'require_approval', 'blocked')),
  own_approvers integer check (own_approvers between 1 and 16),
  constraint approval_policy_remembers check (
    (set_by like 'peer/%') = (own_verb is not null) and (own_verb is null) = (own_approvers is null)
  )
);

insert into approval_policy (action, verb, description) values
  ('sdwan.federation_peer_propose', 'require_approval', 'begin a peering, or begin a revoked one anew'),
  ('sdwan.federation_peer_accept', 'require_approval', 'take up the invitation of another platform'),
  ('sdwan.federation_peer_revoke', 'require_approval', 'end a peering for good'),
  ('sdwan.federation_peer_data_residency', 'require_approval', 'say where data that goes to a peer has to stay'),
  ('sdwan.network_create', 'notify_and_proceed', 'create a network'),
  ('sdwan.network_update', 'notify_and_proceed', 'change a network'),
  ('sdwan.network_delete', 'require_approval', 'delete a network'),
  ('sdwan.peer_create', 'notify_and_proceed', 'add a member to a network'),
  ('sdwan.peer_update', 'notify_and_proceed', 'change a member of a network'),
  ('sdwan.peer_delete', 'require_approval', 'remove a member from a network'),
  ('sdwan.firewall_rule_create', 'notify_and_proceed', 'create a firewall rule'),
  ('sdwan.firewall_rule_update', 'notify_and_proceed', 'change a firewall rule'),
  ('sdwan.firewall_rule_delete', 'require_approval', 'delete a firewall rule'),
  ('sdwan.virtual_ip_create', 'notify_and_proceed', 'create a virtual address'),
  ('sdwan.virtual_ip_update', 'notify_and_proceed', 'change a virtual address'),
  ('sdwan.virtual_ip_delete', 'require_approval', 'delete a virtual address'),
  ('sdwan.route_policy_create', 'notify_and_proceed', 'create a route policy'),
  ('sdwan.route_policy_update', 'notify_and_proceed', 'change a route policy'),
  ('sdwan.route_policy_delete', 'require_approval', 'delete a route policy'),
  ('sdwan.port_mapping_create', 'notify_and_proceed', 'create a port mapping'),
  ('sdwan.port_mapping_update', 'notify_and_proceed', 'change a port mapping'),
  ('sdwan.port_mapping_delete', 'notify_and_proceed', 'delete a port mapping'),
  ('sdwan.access_grant_create', 'notify_and_proceed', 'give somebody access to a network'),
  ('sdwan.access_grant_update', 'notify_and_proceed', 'change what crosses the border with a peer'),
  ('sdwan.access_grant_revoke', 'require_approval', 'take access to a network away'),
  ('sdwan.access_grant_delete', 'require_approval', 'delete an access to a network'),
  ('sdwan.route_leak_create', 'notify_and_proceed', 'let routes of one network into another'),
  ('sdwan.route_leak_update', 'notify_and_proceed', 'change which routes of a network are in another'),
  ('sdwan.route_leak_delete', 'require_approval', 'take routes of one network out of another'),
  ('sdwan.account_bgp_create', 'notify_and_proceed', 'take part in BGP'),
  ('sdwan.account_bgp_update', 'notify_and_proceed', 'change how the platform takes part in BGP'),
  ('sdwan.account_bgp_delete', 'require_approval', 'take part in BGP no more'),
  ('sdwan.vrf_create', 'notify_and_proceed', 'give a network a table of its own on a node'),
  ('sdwan.vrf_update', 'notify_and_proceed', 'change a table of a network'),
  ('sdwan.vrf_delete', 'require_approval', 'take the table of a network away'),
  ('sdwan.ovn_create', 'notify_and_proceed', 'create a logical switch, port or ACL'),
  ('sdwan.ovn_update', 'notify_and_proceed', 'change a logical switch, port or ACL'),
  ('sdwan.ovn_delete', 'require_approval', 'delete a logical switch, port or ACL'),
  ('sdwan.test_create', 'notify_and_proceed', 'create a test of reachability'),
  ('sdwan.test_update', 'notify_and_proceed', 'change a test of reachability'),
  ('sdwan.test_delete', 'require_approval', 'delete a test of reachability'),
  ('sdwan.test_override', 'require_approval', 'change the network although a test of reachability fails by it'),
  ('sdwan.federation_compose', 'notify_and_proceed', 'the skill that makes a whole network with its members'),
  ('sdwan.multi_tenant_isolation', 'require_approval', 'the skill that gives a tenant a network of its own'),
  ('sdwan.run_roll_back', 'require_approval', 'take back what a skill has made'),
  ('sdwan.user_device_create', 'notify_and_proceed', 'add a device of a user'),
  ('system.federation_peer_remediate', 'notify_and_proceed', 'try to mend a peering that fell silent'),
  ('system.federation_acceptance', 'require_approval', 'the skill that takes up invitations'),
  ('system.sdwan_peer_remediate', 'notify_and_proceed', 'try to mend a member of a network'),
  ('system.sdwan_bgp_session_remediate', 'notify_and_proceed', 'try to mend a BGP session'),
  ('system.sdwan_credential_refresh', 'notify_and_proceed', 'replace the credentials of a member'),
  ('system.sdwan_vip_failover', 'require_approval', 'move a virtual address to another holder'),
  ('system.sdwan_failover', 'require_approval', 'move a hub to another node'),
  ('system.sdwan_user_device_revoke', 'require_approval', 'shut out a device of a user'),
  ('system.cert_rotate', 'require_approval', 'replace a certificate'),
  ('system.acme_cert_rotate', 'notify_and_proceed', 'replace a certificate of a public CA'),
  ('federation.residency_override', 'require_approval', 'let data go once where its residency forbids it'),
  ('federation.peer_emancipate', 'require_approval', 'a managed child is managed no longer'),
  ('federation.peer_adopt', 'require_approval', 'a peer becomes a managed child'),
  ('system.federation_spawn', 'require_approval', 'make a child platform, or what children are made of'),
  ('system.federation_child_terminate', 'require_approval', 'end a child platform and its machine'),
  ('system.cluster_member_promote', 'require_approval', 'a replica takes the place of our primary, or gives it back'),
  ('federation.ca_switch', 'require_approval', 'sign with the next generation of our CA');

-- One act that waits, or waited, to be approved.
create table approval (
  id uuid primary key,
  action text not null references approval_policy (action),
  state text not null check (state in ('pending', 'approved', 'rejected', 'timed_out', 'executed', 'failed')),
  summary text not null check (length(summary) between 1 and 512),
  effects text[] not null check (cardinality(effects) <= 1000),
  -- What is to be carried out: the request, packed, without secrets.
  plan_type text not null,
  plan bytea not null check (length(plan) <= 262144),
  plan_sha256 bytea not null check (length(plan_sha256) = 32),
  owner text not null check (owner ~ '^service/'),
  -- An operator, or the owner itself when it acts by itself.
  requested_by text not null check (requested_by ~ '^operator/' or requested_by = owner),
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  approvers_needed integer not null check (approvers_needed between 1 and 16),
  -- Asked for by an agent: waits while autonomy is halted.
  autonomous boolean not null,
  peer_id uuid,
  request_id text not null,
  decided_at timestamptz,
  executed_at timestamptz,
  failure_reason text not null default '' check (length(failure_reason) <= 64),
  failure_message text not null default '' check (length(failure_message) <= 1000),
  constraint approval_takes_time check (expires_at > requested_at),
  constraint approval_decided check ((state = 'pending') = (decided_at is null)),
  constraint approval_executed check ((state in ('executed', 'failed')) = (executed_at is not null)),
  constraint approval_failed check ((state = 'failed') = (failure_reason <> ''))
);
-- The same plan, asked for again by the same person while it waits, is the same approval.
create unique index approval_pending_once on approval (requested_by, plan_sha256) where state = 'pending';
create index approval_pending on approval (expires_at) where state = 'pending';
create index approval_approved on approval (owner, decided_at) where state = 'approved';
create index approval_by_peer on approval (peer_id, id);

create function guard_new_approval() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.state <> 'pending' then
    raise exception 'approval % begins as %', new.id, new.state using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger approval_guarded_when_new before insert on approval
  for each row execute function guard_new_approval();

-- What is decided stays decided, what was asked for stays what it was: the owner's word too.
create function guard_approval() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (old.state, new.state) not in (
    ('pending', 'approved'), ('pending', 'rejected'), ('pending', 'timed_out'),
    ('approved', 'executed'), ('approved', 'failed')
  ) then
    raise exception 'approval % is %, and cannot become %', old.id, old.state, new.state using errcode = 'check_violation';
  end if;
  if (new.id, new.action, new.summary, new.effects, new.plan_type, new.plan, new.plan_sha256, new.owner, new.requested_by,
      new.requested_at, new.expires_at, new.approvers_needed, new.autonomous, new.request_id)
    is distinct from (old.id, old.action, old.summary, old.effects, old.plan_type, old.plan, old.plan_sha256, old.owner,
      old.requested_by, old.requested_at, old.expires_at, old.approvers_needed, old.autonomous, old.request_id)
    or new.peer_id is distinct from old.peer_id
  then
    raise exception 'approval % cannot be rewritten', old.id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger approval_guarded before update on approval for each row execute function guard_approval();

-- Who said yes, and who said no. Each person once; who said yes may still say no.
create table approval_vote (
  approval_id uuid not null references approval (id),
  voter text not null check (voter ~ '^operator/'),
  approves boolean not null,
  reason text not null check (length(reason) <= 256),
  at timestamptz not null,
  primary key (approval_id, voter, approves)
);

-- A vote belongs to what waits: what is decided was decided by the votes it had.
create function guard_vote() returns trigger language plpgsql set search_path from current as $$
begin
  if not exists (select 1 from approval where id = new.approval_id and state = 'pending') then
    raise exception 'approval % is decided', new.approval_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger approval_vote_guarded before insert on approval_vote for each row execute function guard_vote();

-- Whether what acts by itself may act. One row.
create table autonomy (
  only_one boolean primary key default true check (only_one),
  halted boolean not null,
  reason text not null default '' check (length(reason) <= 256),
  set_by text not null default '',
  since timestamptz
);
insert into autonomy (halted) values (false);

-- Services are told by the feed of operators what the policies are, whether agents may act, and that something is
-- approved and waits for them.
create trigger approval_policy_told after insert or update on approval_policy
  for each row execute function tell_operators();
create trigger autonomy_told after insert or update on autonomy
  for each row execute function tell_operators();
create trigger approval_told after insert or update on approval
  for each row when (new.state in ('approved', 'executed', 'failed')) execute function tell_operators();

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

grant select, update on approval_policy, autonomy to grant_authz;
grant select, insert, update on approval to grant_authz;
grant select, insert on approval_vote to grant_authz;
grant select, insert, update on executed_approval to grant_authz;
