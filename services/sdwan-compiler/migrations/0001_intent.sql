-- breaking: no

-- How often intent, or what follows from others, has changed: whoever keeps the network in memory asks whether it is still so.
create table intent_state (
  id boolean primary key default true check (id),
  version bigint not null default 0 check (version >= 0)
);
insert into intent_state default values;

-- The /40 of this installation: fd and 32 random bits, drawn once (RFC 4193 §3.2.2).
create table install (
  id boolean primary key default true check (id),
  prefix cidr not null check (family(prefix) = 6 and masklen(prefix) = 40 and prefix <<= 'fd00::/8'),
  drawn_at timestamptz not null
);

-- Whose networks they are: the platform's trust domain has one /48 of it.
create table account (
  id text primary key check (length(id) between 1 and 255),
  prefix cidr not null unique check (family(prefix) = 6 and masklen(prefix) = 48)
);

create table network (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  name text not null unique deferrable initially deferred check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'),
  slug text not null unique deferrable initially deferred check (slug ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  status text not null check (status in ('registered', 'active', 'suspended', 'archived')),
  routing_protocol text not null check (routing_protocol in ('static', 'ibgp')),
  topology text not null check (topology in ('hub_and_spoke', 'full_mesh')),
  cidr cidr not null unique check (family(cidr) = 6 and masklen(cidr) = 64),
  default_policy text not null check (default_policy in ('drop', 'accept')),
  mtu integer not null check (mtu between 1280 and 9000),
  isolation text not null check (isolation in ('shared', 'dedicated_vrf')),
  tenant_key text unique check (tenant_key ~ '^[a-z0-9][a-z0-9-]{0,47}$'),
  route_reflectors integer not null check (route_reflectors between 0 and 16),
  preshared_keys boolean not null,
  -- Which secret the preshared keys are derived from: grows with each new one.
  key_generation integer not null check (key_generation >= 1),
  advertise_subnet boolean not null,
  pod_subnet cidr check (family(pod_subnet) = 6 or masklen(pod_subnet) <= 28),
  exclude using gist (cidr inet_ops with &&),
  exclude using gist (pod_subnet inet_ops with &&)
);

create table sealing_key (
  id boolean primary key default true check (id),
  -- Ids of all keys that values here were ever sealed under, which tell nothing of the keys; the last is the newest.
  key_ids bytea[] not null default '{}'
);
insert into sealing_key default values;

-- A process that runs with a key that was replaced keeps nothing: that would be lost with its key.
create function sealed_under_newest() returns trigger language plpgsql set search_path = sdwan_compiler, pg_temp as $$
declare
  newest bytea;
  sealed bytea;
  its text;
begin
  foreach its in array tg_argv loop
    sealed := (to_jsonb(new) ->> its)::bytea;
    continue when sealed is null or (tg_op = 'UPDATE' and sealed is not distinct from (to_jsonb(old) ->> its)::bytea);
    select key_ids[cardinality(key_ids)] into newest from sealing_key for share;
    continue when newest is null or substring(sealed from 2 for 4) = newest;
    raise exception 'sealed under a key that was replaced by %', encode(newest, 'hex') using errcode = 'PNSK1';
  end loop;
  return new;
end
$$;

-- What the preshared keys of a network's pairs are derived from, sealed. Never in a plan, a hash or a log.
create table network_secret (
  network_id uuid primary key references network (id) on delete cascade,
  sealed bytea not null
);
create trigger network_secret_sealed before insert or update of sealed on network_secret
  for each row execute function sealed_under_newest('sealed');

create table member (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  network_id uuid not null references network (id) deferrable initially deferred,
  node_id uuid not null,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  address inet not null unique check (family(address) = 6 and masklen(address) = 128),
  publicly_reachable boolean not null,
  endpoint_v6 text check (length(endpoint_v6) between 1 and 253 and endpoint_v6 ~ '^[a-z0-9.:-]+$'),
  endpoint_v4 text check (length(endpoint_v4) between 1 and 253 and endpoint_v4 ~ '^[a-z0-9.-]+$'),
  endpoint_port integer not null check (endpoint_port between 1 and 65535),
  listen_port integer not null check (listen_port between 1 and 65535),
  lan_subnets cidr[] not null,
  tags text[] not null,
  route_reflector_client boolean not null,
  router_id_override text check (router_id_override ~ '^[0-9]{1,3}(\.[0-9]{1,3}){3}$'),
  public_key text unique check (public_key ~ '^[A-Za-z0-9+/]{43}=$'),
  unique (network_id, node_id),
  unique (network_id, name) deferrable initially deferred,
  unique (node_id, listen_port),
  constraint member_hub_has_endpoint check (not publicly_reachable or endpoint_v6 is not null or endpoint_v4 is not null)
);

create table firewall_rule (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  network_id uuid not null references network (id) deferrable initially deferred,
  name text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'),
  priority integer not null check (priority between 0 and 999999),
  action text not null check (action in ('accept', 'drop', 'reject')),
  direction text not null check (direction in ('ingress', 'egress', 'both')),
  protocol text not null check (protocol in ('any', 'tcp', 'udp', 'icmp6')),
  -- A member or tag that is gone matches nothing: so no foreign key keeps a rule's member alive.
  src_kind text not null check (src_kind in ('all', 'member', 'tag', 'cidr', 'federation_peer')),
  src_value text not null check ((src_value = '') = (src_kind = 'all') and src_value ~ '^[0-9a-z:./_-]{0,63}$'),
  dst_kind text not null check (dst_kind in ('all', 'member', 'tag', 'cidr', 'federation_peer')),
  dst_value text not null check ((dst_value = '') = (dst_kind = 'all') and dst_value ~ '^[0-9a-z:./_-]{0,63}$'),
  port_from integer check (port_from between 1 and 65535),
  port_to integer check (port_to between 1 and 65535),
  disabled boolean not null,
  unique (network_id, name) deferrable initially deferred,
  constraint firewall_rule_ports check (
    (port_from is null) = (port_to is null) and (port_from is null or (port_from <= port_to and protocol in ('tcp', 'udp')))
  )
);

create table virtual_ip (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  network_id uuid not null references network (id) deferrable initially deferred,
  name text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'),
  cidr cidr not null unique check (masklen(cidr) = case family(cidr) when 4 then 32 else 128 end),
  holders uuid[] not null check (cardinality(holders) <= 16),
  failover uuid[] not null check (cardinality(failover) <= 16),
  anycast boolean not null,
  med bigint not null check (med between 0 and 4294967295),
  local_pref bigint not null check (local_pref between 0 and 4294967295),
  unique (network_id, name) deferrable initially deferred,
  constraint virtual_ip_anycast check (not anycast or cardinality(holders) >= 2),
  constraint virtual_ip_places check (not holders && failover)
);

-- Who held a virtual IP, since when, and why it passed on.
create table virtual_ip_assignment (
  id uuid primary key,
  virtual_ip_id uuid not null references virtual_ip (id) on delete cascade,
  member_id uuid not null,
  assumed_at timestamptz not null,
  released_at timestamptz check (released_at >= assumed_at),
  reason text not null,
  by text not null
);
create unique index virtual_ip_assignment_open on virtual_ip_assignment (virtual_ip_id, member_id) where released_at is null;

create table port_mapping (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  member_id uuid not null references member (id) deferrable initially deferred,
  listen_port integer not null check (listen_port between 1 and 65535),
  protocol text not null check (protocol in ('tcp', 'udp')),
  target_member_id uuid references member (id) deferrable initially deferred,
  target_virtual_ip_id uuid references virtual_ip (id) deferrable initially deferred,
  target_port integer not null check (target_port between 1 and 65535),
  disabled boolean not null,
  rate_limit integer check (rate_limit >= 1),
  max_connections integer check (max_connections >= 1),
  source_cidrs cidr[] not null,
  unique (member_id, listen_port, protocol),
  constraint port_mapping_one_target check (num_nonnulls(target_member_id, target_virtual_ip_id) = 1)
);

create table route_policy (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  name text not null unique deferrable initially deferred check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'),
  scope text not null check (scope in ('account', 'network', 'member')),
  scope_network_id uuid references network (id) deferrable initially deferred,
  scope_member_id uuid references member (id) deferrable initially deferred,
  direction text not null check (direction in ('import', 'export')),
  disabled boolean not null,
  statements jsonb not null check (jsonb_typeof(statements) = 'array' and jsonb_array_length(statements) between 1 and 64),
  constraint route_policy_scoped check (
    (scope = 'network') = (scope_network_id is not null) and (scope = 'member') = (scope_member_id is not null)
  )
);

create table route_leak (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  source_network_id uuid not null references network (id) deferrable initially deferred,
  dest_network_id uuid not null references network (id) deferrable initially deferred check (dest_network_id <> source_network_id),
  direction text not null check (direction in ('one_way', 'bidirectional')),
  state text not null check (state in ('proposed', 'active', 'revoked')),
  filter jsonb not null check (jsonb_typeof(filter) = 'array' and jsonb_array_length(filter) <= 128),
  unique (source_network_id, dest_network_id, direction)
);

create table account_bgp (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  -- There is one.
  single boolean not null default true unique check (single),
  as_number bigint not null unique check (as_number between 4200000000 and 4294967294),
  router_id_strategy text not null check (router_id_strategy in ('member_address_hash', 'explicit')),
  default_local_pref bigint not null check (default_local_pref between 0 and 4294967295),
  default_route_policy_id uuid references route_policy (id) deferrable initially deferred,
  disabled boolean not null
);

-- The table of one network on one node. One that is removed keeps its numbers for a while, so that a packet on its way out
-- never meets another network's routes: neither node nor network need be there any more.
create table vrf_assignment (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  node_id uuid not null,
  network_id uuid not null,
  table_id integer not null check (table_id between 100 and 65535 and table_id not between 253 and 255),
  vrf_name text not null check (vrf_name ~ '^[a-z0-9-]{1,15}$'),
  state text not null check (state in ('pending', 'active', 'draining', 'removed')),
  removed_at timestamptz,
  unique (node_id, network_id),
  unique (node_id, table_id),
  unique (node_id, vrf_name),
  constraint vrf_assignment_removed check ((state = 'removed') = (removed_at is not null))
);

create table ovn_deployment (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  name text not null unique deferrable initially deferred check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  status text not null check (status in ('pending', 'bootstrapping', 'active', 'degraded')),
  nb_endpoint text check (nb_endpoint ~ '^((tcp|ssl):[0-9A-Za-z.:\[\]-]+:[0-9]{1,5}|unix:/[A-Za-z0-9/._-]+)$'),
  sb_endpoint text check (sb_endpoint ~ '^((tcp|ssl):[0-9A-Za-z.:\[\]-]+:[0-9]{1,5}|unix:/[A-Za-z0-9/._-]+)$'),
  node_id uuid,
  constraint ovn_deployment_endpoints check (status = 'pending' or (nb_endpoint is not null and sb_endpoint is not null))
);

create table ovn_switch (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  deployment_id uuid not null references ovn_deployment (id) deferrable initially deferred,
  name text not null check (name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$'),
  cidr cidr,
  state text not null check (state in ('pending', 'active', 'removed')),
  network_id uuid references network (id) deferrable initially deferred,
  unique (deployment_id, name) deferrable initially deferred
);

create table ovn_port (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  switch_id uuid not null references ovn_switch (id) deferrable initially deferred,
  name text not null check (name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$'),
  kind text not null check (kind in ('vm', 'container', 'external')),
  mac text not null check (mac ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'),
  addresses text[] not null,
  host_node_id uuid,
  state text not null check (state in ('pending', 'active', 'removed')),
  unique (switch_id, name) deferrable initially deferred,
  unique (switch_id, mac)
);

create table ovn_acl (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  switch_id uuid not null references ovn_switch (id) deferrable initially deferred,
  name text not null check (name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$'),
  direction text not null check (direction in ('from-lport', 'to-lport')),
  -- 32001 and above are kept for neighbor discovery.
  priority integer not null check (priority between 0 and 32000),
  action text not null check (action in ('allow', 'allow-related', 'drop', 'reject')),
  family text not null check (family in ('any', 'ip4', 'ip6')),
  src cidr,
  src_not boolean not null check (not src_not or src is not null),
  dst cidr,
  dst_not boolean not null check (not dst_not or dst is not null),
  protocol text not null check (protocol in ('any', 'tcp', 'udp', 'icmp')),
  port_from integer check (port_from between 1 and 65535),
  port_to integer check (port_to between 1 and 65535),
  port_id uuid references ovn_port (id) deferrable initially deferred,
  state text not null check (state in ('pending', 'active', 'removed')),
  unique (switch_id, name) deferrable initially deferred,
  constraint ovn_acl_ports check (
    (port_from is null) = (port_to is null) and (port_from is null or (port_from <= port_to and protocol in ('tcp', 'udp')))
  )
);
-- Of two that say the same from the same place, OVN would choose.
create unique index ovn_acl_priority on ovn_acl (switch_id, direction, priority) where state = 'active';

create table prefix_access (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  peer_id uuid not null unique,
  network_id uuid not null references network (id) deferrable initially deferred,
  gateways uuid[] not null check (cardinality(gateways) between 1 and 4),
  advertise cidr[] not null,
  accept cidr[] not null,
  max_prefixes integer not null check (max_prefixes between 1 and 10000),
  disabled boolean not null
);

create table reachability_test (
  id uuid primary key,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  name text not null unique deferrable initially deferred check (name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'),
  src text not null check (length(src) between 1 and 128),
  accept text[] not null,
  deny text[] not null
);

-- Lists of members: each of them is in the record's own network, and is not deleted while it is named.
create function guard_named_members() returns trigger language plpgsql set search_path from current as $$
declare
  named uuid[];
  place uuid;
  found integer;
begin
  -- As it stands now: since it was written it may have been written again.
  if tg_table_name = 'virtual_ip' then
    select holders || failover, network_id into named, place from virtual_ip where id = new.id;
  else
    select gateways, network_id into named, place from prefix_access where id = new.id;
  end if;
  -- Locked as a foreign key would: nobody deletes one of them before this is committed.
  perform 1 from member where id = any (named) and network_id = place for key share;
  get diagnostics found = row_count;
  if found <> cardinality(named) then
    raise exception '% % names a member that is not in its network, or one twice', tg_table_name, new.id
      using errcode = 'foreign_key_violation';
  end if;
  return null;
end
$$;
create constraint trigger virtual_ip_members after insert or update on virtual_ip
  deferrable initially deferred for each row execute function guard_named_members();
create constraint trigger prefix_access_members after insert or update on prefix_access
  deferrable initially deferred for each row execute function guard_named_members();

create function guard_member_in_use() returns trigger language plpgsql set search_path from current as $$
begin
  if exists (select 1 from virtual_ip where old.id = any (holders || failover))
    or exists (select 1 from prefix_access where old.id = any (gateways)) then
    raise exception 'member % is named by a virtual IP or a prefix access', old.id using errcode = 'foreign_key_violation';
  end if;
  return null;
end
$$;
create constraint trigger member_in_use after delete on member
  deferrable initially deferred for each row execute function guard_member_in_use();

-- What was allocated is for ever: it is in certificates of tunnels, in others' routes, in what people wrote down.
create function guard_allocated() returns trigger language plpgsql set search_path from current as $$
begin
  if tg_table_name = 'network' then
    if new.cidr <> old.cidr then
      raise exception 'the prefix of network % never changes', old.id using errcode = 'check_violation';
    end if;
  elsif tg_table_name = 'member' then
    if new.address <> old.address or new.network_id <> old.network_id or new.node_id <> old.node_id then
      raise exception 'address, network and node of member % never change', old.id using errcode = 'check_violation';
    end if;
  elsif new is distinct from old then
    raise exception 'the prefix of % never changes', tg_table_name using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger network_allocated before update on network for each row execute function guard_allocated();
create trigger member_allocated before update on member for each row execute function guard_allocated();
create trigger install_allocated before update on install for each row execute function guard_allocated();
create trigger account_allocated before update on account for each row execute function guard_allocated();

-- What was changed, by whom, and what came of it: the same request again is the same change.
create table change (
  id uuid primary key,
  request_id uuid unique,
  request_sha256 bytea not null check (length(request_sha256) = 32),
  by text not null,
  at timestamptz not null,
  version bigint not null unique,
  lines text[] not null,
  plan_sha256 text not null check (plan_sha256 ~ '^[0-9a-f]{64}$'),
  -- ChangeIntentResponse, as it was answered.
  answer bytea not null
);
create index change_at on change (at);

create function tell_intent() returns trigger language plpgsql as $$
begin
  perform pg_notify('sdwan_compiler_intent', new.version::text);
  return null;
end
$$;
create trigger intent_told after update on intent_state for each row execute function tell_intent();

grant select, update on intent_state, sealing_key to sdwan_compiler;
grant select, insert on install, account to sdwan_compiler;
grant select, insert, update, delete on network, member, firewall_rule, port_mapping, virtual_ip, route_policy, route_leak,
  account_bgp, vrf_assignment, ovn_deployment, ovn_switch, ovn_port, ovn_acl, prefix_access, reachability_test
  to sdwan_compiler;
grant select, insert, update on network_secret to sdwan_compiler;
grant select, insert, update on virtual_ip_assignment to sdwan_compiler;
grant select, insert, delete on change to sdwan_compiler;
