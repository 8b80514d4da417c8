-- breaking: no

-- Calls across the border, and what was decided about each: kept 35 days, so that the last 30 are always whole.
create table decision (
  id uuid primary key,
  peer_id text not null,
  direction text not null check (direction in ('in', 'out')),
  at timestamptz not null,
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
  -- The other side's id of its own decision about the same call.
  remote_decision_id uuid,
  constraint decision_is_allowed_or_not check (allowed = (reason = 'ALLOWED'))
);
create index decision_by_remote_id on decision (remote_decision_id) where remote_decision_id is not null;
create index decision_by_peer on decision (peer_id, at, id);
create index decision_by_at on decision (at, id);

-- What was decided stays decided, until it runs out.
create trigger decision_unchangeable before update or truncate on decision
  for each statement execute function refuse_change();

grant select, insert, delete on decision to audit_ledger;
