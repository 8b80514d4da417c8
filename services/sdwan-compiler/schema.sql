-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema sdwan_compiler to sdwan_compiler;

CREATE OR REPLACE FUNCTION sdwan_compiler.guard_allocated()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'sdwan_compiler'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.guard_executed_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if old.outcome <> 'trying' and new is distinct from old then
    raise exception 'approval % was carried out', old.approval_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.guard_member_in_use()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'sdwan_compiler'
AS $function$
begin
  if exists (select 1 from virtual_ip where old.id = any (holders || failover))
    or exists (select 1 from prefix_access where old.id = any (gateways)) then
    raise exception 'member % is named by a virtual IP or a prefix access', old.id using errcode = 'foreign_key_violation';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.guard_named_members()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'sdwan_compiler'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.guard_run()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.ring_runs()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('sdwan_compiler_runs', new.id::text);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.sealed_under_newest()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'sdwan_compiler', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION sdwan_compiler.tell_intent()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('sdwan_compiler_intent', new.version::text);
  return null;
end
$function$;

create table account (
  id text not null,
  prefix cidr not null,
  constraint account_pkey PRIMARY KEY (id),
  constraint account_prefix_key UNIQUE (prefix),
  constraint account_id_check CHECK (((length(id) >= 1) AND (length(id) <= 255))),
  constraint account_prefix_check CHECK (((family((prefix)::inet) = 6) AND (masklen((prefix)::inet) = 48)))
);
CREATE TRIGGER account_allocated BEFORE UPDATE ON sdwan_compiler.account FOR EACH ROW EXECUTE FUNCTION guard_allocated();
grant insert, select on account to sdwan_compiler;

create table account_bgp (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  single boolean not null default true,
  as_number bigint not null,
  router_id_strategy text not null,
  default_local_pref bigint not null,
  default_route_policy_id uuid,
  disabled boolean not null,
  constraint account_bgp_pkey PRIMARY KEY (id),
  constraint account_bgp_as_number_key UNIQUE (as_number),
  constraint account_bgp_single_key UNIQUE (single),
  constraint account_bgp_default_route_policy_id_fkey FOREIGN KEY (default_route_policy_id) REFERENCES route_policy(id) DEFERRABLE INITIALLY DEFERRED,
  constraint account_bgp_as_number_check CHECK (((as_number >= '4200000000'::bigint) AND (as_number <= '4294967294'::bigint))),
  constraint account_bgp_default_local_pref_check CHECK (((default_local_pref >= 0) AND (default_local_pref <= '4294967295'::bigint))),
  constraint account_bgp_router_id_strategy_check CHECK ((router_id_strategy = ANY (ARRAY['member_address_hash'::text, 'explicit'::text]))),
  constraint account_bgp_single_check CHECK (single),
  constraint account_bgp_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on account_bgp to sdwan_compiler;

create table change (
  id uuid not null,
  request_id uuid,
  request_sha256 bytea not null,
  by text not null,
  at timestamp with time zone not null,
  version bigint not null,
  lines text[] not null,
  plan_sha256 text not null,
  answer bytea not null,
  constraint change_pkey PRIMARY KEY (id),
  constraint change_request_id_key UNIQUE (request_id),
  constraint change_version_key UNIQUE (version),
  constraint change_plan_sha256_check CHECK ((plan_sha256 ~ '^[0-9a-f]{64}$'::text)),
  constraint change_request_sha256_check CHECK ((length(request_sha256) = 32))
);
CREATE INDEX change_at ON sdwan_compiler.change USING btree (at);
grant delete, insert, select on change to sdwan_compiler;

create table crossing (
  peer_id uuid not null,
  network_id uuid not null,
  gateways jsonb not null,
  accepted jsonb not null,
  advertised jsonb not null,
  refused jsonb not null,
  max_prefixes integer not null,
  pair text not null,
  constraint crossing_pkey PRIMARY KEY (peer_id),
  constraint crossing_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES federation_peer(id),
  constraint crossing_accepted_check CHECK ((jsonb_typeof(accepted) = 'array'::text)),
  constraint crossing_advertised_check CHECK ((jsonb_typeof(advertised) = 'array'::text)),
  constraint crossing_gateways_check CHECK ((jsonb_typeof(gateways) = 'array'::text)),
  constraint crossing_keyed CHECK (((pair <> ''::text) OR (gateways = '[]'::jsonb))),
  constraint crossing_max_prefixes_check CHECK (((max_prefixes >= 1) AND (max_prefixes <= 10000))),
  constraint crossing_refused_check CHECK ((jsonb_typeof(refused) = 'array'::text))
);
grant delete, insert, select, update on crossing to sdwan_compiler;

create table crossing_gateway (
  peer_id uuid not null,
  member_id uuid not null,
  node_instance_id uuid not null,
  place integer not null,
  listen_port integer not null,
  public_key text,
  constraint crossing_gateway_pkey PRIMARY KEY (peer_id, member_id),
  constraint crossing_gateway_once UNIQUE (peer_id, node_instance_id),
  constraint crossing_gateway_port UNIQUE (node_instance_id, listen_port),
  constraint crossing_gateway_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES crossing(peer_id) ON DELETE CASCADE,
  constraint crossing_gateway_listen_port_check CHECK (((listen_port >= 1) AND (listen_port <= 65535))),
  constraint crossing_gateway_place_check CHECK ((place >= 0)),
  constraint crossing_gateway_public_key_check CHECK ((public_key ~ '^[A-Za-z0-9+/]{43}=$'::text))
);
grant delete, insert, select, update on crossing_gateway to sdwan_compiler;

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
grant insert, select on dead_letter to sdwan_compiler;

create table disabled_rule (
  rule_id uuid not null,
  peer_id uuid not null,
  reason text not null,
  disabled_at timestamp with time zone not null,
  constraint disabled_rule_pkey PRIMARY KEY (rule_id),
  constraint disabled_rule_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES federation_peer(id)
);
grant delete, insert, select, update on disabled_rule to sdwan_compiler;

create table executed_approval (
  approval_id uuid not null,
  outcome text not null,
  attempts integer not null default 0,
  failure_reason text not null default ''::text,
  failure_message text not null default ''::text,
  at timestamp with time zone not null,
  constraint executed_approval_pkey PRIMARY KEY (approval_id),
  constraint executed_approval_attempts_check CHECK ((attempts >= 0)),
  constraint executed_approval_failed CHECK (((outcome = 'failed'::text) = (failure_reason <> ''::text))),
  constraint executed_approval_outcome_check CHECK ((outcome = ANY (ARRAY['trying'::text, 'executed'::text, 'failed'::text])))
);
CREATE TRIGGER executed_approval_guarded BEFORE UPDATE ON sdwan_compiler.executed_approval FOR EACH ROW EXECUTE FUNCTION guard_executed_approval();
grant insert, select, update on executed_approval to sdwan_compiler;

create table federation_peer (
  id uuid not null,
  name text not null,
  platform_id text not null,
  state text not null,
  revision bigint not null,
  prefix_advertisement text not null,
  degraded_since timestamp with time zone,
  due_at timestamp with time zone not null,
  rings bigint not null default 0,
  attempts integer not null default 0,
  constraint federation_peer_pkey PRIMARY KEY (id),
  constraint federation_peer_attempts_check CHECK ((attempts >= 0)),
  constraint federation_peer_degraded CHECK (((state = 'degraded'::text) = (degraded_since IS NOT NULL))),
  constraint federation_peer_platform_id_check CHECK ((platform_id ~ '^([a-z2-7]{32})?$'::text)),
  constraint federation_peer_revision_check CHECK ((revision >= 0)),
  constraint federation_peer_rings_check CHECK ((rings >= 0)),
  constraint federation_peer_state_check CHECK ((state = ANY (ARRAY['unknown'::text, 'proposed'::text, 'accepted'::text, 'enrolled'::text, 'active'::text, 'degraded'::text, 'suspended'::text, 'revoked'::text])))
);
CREATE INDEX federation_peer_due ON sdwan_compiler.federation_peer USING btree (due_at);
grant delete, insert, select, update on federation_peer to sdwan_compiler;

create table firewall_rule (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  network_id uuid not null,
  name text not null,
  priority integer not null,
  action text not null,
  direction text not null,
  protocol text not null,
  src_kind text not null,
  src_value text not null,
  dst_kind text not null,
  dst_value text not null,
  port_from integer,
  port_to integer,
  disabled boolean not null,
  constraint firewall_rule_pkey PRIMARY KEY (id),
  constraint firewall_rule_network_id_name_key UNIQUE (network_id, name) DEFERRABLE INITIALLY DEFERRED,
  constraint firewall_rule_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint firewall_rule_action_check CHECK ((action = ANY (ARRAY['accept'::text, 'drop'::text, 'reject'::text]))),
  constraint firewall_rule_check CHECK ((((src_value = ''::text) = (src_kind = 'all'::text)) AND (src_value ~ '^[0-9a-z:./_-]{0,63}$'::text))),
  constraint firewall_rule_check1 CHECK ((((dst_value = ''::text) = (dst_kind = 'all'::text)) AND (dst_value ~ '^[0-9a-z:./_-]{0,63}$'::text))),
  constraint firewall_rule_direction_check CHECK ((direction = ANY (ARRAY['ingress'::text, 'egress'::text, 'both'::text]))),
  constraint firewall_rule_dst_kind_check CHECK ((dst_kind = ANY (ARRAY['all'::text, 'member'::text, 'tag'::text, 'cidr'::text, 'federation_peer'::text]))),
  constraint firewall_rule_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'::text)),
  constraint firewall_rule_port_from_check CHECK (((port_from >= 1) AND (port_from <= 65535))),
  constraint firewall_rule_port_to_check CHECK (((port_to >= 1) AND (port_to <= 65535))),
  constraint firewall_rule_ports CHECK ((((port_from IS NULL) = (port_to IS NULL)) AND ((port_from IS NULL) OR ((port_from <= port_to) AND (protocol = ANY (ARRAY['tcp'::text, 'udp'::text])))))),
  constraint firewall_rule_priority_check CHECK (((priority >= 0) AND (priority <= 999999))),
  constraint firewall_rule_protocol_check CHECK ((protocol = ANY (ARRAY['any'::text, 'tcp'::text, 'udp'::text, 'icmp6'::text]))),
  constraint firewall_rule_src_kind_check CHECK ((src_kind = ANY (ARRAY['all'::text, 'member'::text, 'tag'::text, 'cidr'::text, 'federation_peer'::text]))),
  constraint firewall_rule_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on firewall_rule to sdwan_compiler;

create table heard_overlay (
  peer_id uuid not null,
  sequence bigint not null,
  gateways jsonb not null,
  advertise jsonb not null,
  withdrawn boolean not null,
  half_sealed bytea,
  half_sequence bigint not null,
  heard_at timestamp with time zone not null,
  constraint heard_overlay_pkey PRIMARY KEY (peer_id),
  constraint heard_overlay_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES federation_peer(id),
  constraint heard_overlay_advertise_check CHECK ((jsonb_typeof(advertise) = 'array'::text)),
  constraint heard_overlay_gateways_check CHECK ((jsonb_typeof(gateways) = 'array'::text)),
  constraint heard_overlay_half CHECK ((withdrawn = (half_sealed IS NULL))),
  constraint heard_overlay_sequence_check CHECK ((sequence >= 0))
);
CREATE TRIGGER heard_overlay_sealed BEFORE INSERT OR UPDATE OF half_sealed ON sdwan_compiler.heard_overlay FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('half_sealed');
grant delete, insert, select, update on heard_overlay to sdwan_compiler;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  signed_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON sdwan_compiler.inbox USING btree (handled_at);
grant delete, insert, select on inbox to sdwan_compiler;

create table install (
  id boolean not null default true,
  prefix cidr not null,
  drawn_at timestamp with time zone not null,
  constraint install_pkey PRIMARY KEY (id),
  constraint install_id_check CHECK (id),
  constraint install_prefix_check CHECK (((family((prefix)::inet) = 6) AND (masklen((prefix)::inet) = 40) AND ((prefix)::inet <<= 'fd00::/8'::inet)))
);
CREATE TRIGGER install_allocated BEFORE UPDATE ON sdwan_compiler.install FOR EACH ROW EXECUTE FUNCTION guard_allocated();
grant insert, select on install to sdwan_compiler;

create table intent_state (
  id boolean not null default true,
  version bigint not null default 0,
  constraint intent_state_pkey PRIMARY KEY (id),
  constraint intent_state_id_check CHECK (id),
  constraint intent_state_version_check CHECK ((version >= 0))
);
CREATE TRIGGER intent_told AFTER UPDATE ON sdwan_compiler.intent_state FOR EACH ROW EXECUTE FUNCTION tell_intent();
grant select, update on intent_state to sdwan_compiler;

create table member (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  network_id uuid not null,
  node_id uuid not null,
  name text not null,
  address inet not null,
  publicly_reachable boolean not null,
  endpoint_v6 text,
  endpoint_v4 text,
  endpoint_port integer not null,
  listen_port integer not null,
  lan_subnets cidr[] not null,
  tags text[] not null,
  route_reflector_client boolean not null,
  router_id_override text,
  public_key text,
  constraint member_pkey PRIMARY KEY (id),
  constraint member_address_key UNIQUE (address),
  constraint member_network_id_name_key UNIQUE (network_id, name) DEFERRABLE INITIALLY DEFERRED,
  constraint member_network_id_node_id_key UNIQUE (network_id, node_id),
  constraint member_node_id_listen_port_key UNIQUE (node_id, listen_port),
  constraint member_public_key_key UNIQUE (public_key),
  constraint member_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint member_address_check CHECK (((family(address) = 6) AND (masklen(address) = 128))),
  constraint member_endpoint_port_check CHECK (((endpoint_port >= 1) AND (endpoint_port <= 65535))),
  constraint member_endpoint_v4_check CHECK ((((length(endpoint_v4) >= 1) AND (length(endpoint_v4) <= 253)) AND (endpoint_v4 ~ '^[a-z0-9.-]+$'::text))),
  constraint member_endpoint_v6_check CHECK ((((length(endpoint_v6) >= 1) AND (length(endpoint_v6) <= 253)) AND (endpoint_v6 ~ '^[a-z0-9.:-]+$'::text))),
  constraint member_hub_has_endpoint CHECK (((NOT publicly_reachable) OR (endpoint_v6 IS NOT NULL) OR (endpoint_v4 IS NOT NULL))),
  constraint member_listen_port_check CHECK (((listen_port >= 1) AND (listen_port <= 65535))),
  constraint member_name_check CHECK ((name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'::text)),
  constraint member_public_key_check CHECK ((public_key ~ '^[A-Za-z0-9+/]{43}=$'::text)),
  constraint member_router_id_override_check CHECK ((router_id_override ~ '^[0-9]{1,3}(\.[0-9]{1,3}){3}$'::text)),
  constraint member_version_check CHECK ((version >= 1))
);
CREATE TRIGGER member_allocated BEFORE UPDATE ON sdwan_compiler.member FOR EACH ROW EXECUTE FUNCTION guard_allocated();
CREATE CONSTRAINT TRIGGER member_in_use AFTER DELETE ON sdwan_compiler.member DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_member_in_use();
grant delete, insert, select, update on member to sdwan_compiler;

create table member_seen (
  member_id uuid not null,
  last_handshake_at timestamp with time zone not null,
  constraint member_seen_pkey PRIMARY KEY (member_id),
  constraint member_seen_member_id_fkey FOREIGN KEY (member_id) REFERENCES member(id) ON DELETE CASCADE
);
grant insert, select, update on member_seen to sdwan_compiler;

create table network (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  name text not null,
  slug text not null,
  status text not null,
  routing_protocol text not null,
  topology text not null,
  cidr cidr not null,
  default_policy text not null,
  mtu integer not null,
  isolation text not null,
  tenant_key text,
  route_reflectors integer not null,
  preshared_keys boolean not null,
  key_generation integer not null,
  advertise_subnet boolean not null,
  pod_subnet cidr,
  constraint network_pkey PRIMARY KEY (id),
  constraint network_cidr_key UNIQUE (cidr),
  constraint network_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED,
  constraint network_slug_key UNIQUE (slug) DEFERRABLE INITIALLY DEFERRED,
  constraint network_tenant_key_key UNIQUE (tenant_key),
  constraint network_cidr_check CHECK (((family((cidr)::inet) = 6) AND (masklen((cidr)::inet) = 64))),
  constraint network_default_policy_check CHECK ((default_policy = ANY (ARRAY['drop'::text, 'accept'::text]))),
  constraint network_isolation_check CHECK ((isolation = ANY (ARRAY['shared'::text, 'dedicated_vrf'::text]))),
  constraint network_key_generation_check CHECK ((key_generation >= 1)),
  constraint network_mtu_check CHECK (((mtu >= 1280) AND (mtu <= 9000))),
  constraint network_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'::text)),
  constraint network_pod_subnet_check CHECK (((family((pod_subnet)::inet) = 6) OR (masklen((pod_subnet)::inet) <= 28))),
  constraint network_route_reflectors_check CHECK (((route_reflectors >= 0) AND (route_reflectors <= 16))),
  constraint network_routing_protocol_check CHECK ((routing_protocol = ANY (ARRAY['static'::text, 'ibgp'::text]))),
  constraint network_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,63}$'::text)),
  constraint network_status_check CHECK ((status = ANY (ARRAY['registered'::text, 'active'::text, 'suspended'::text, 'archived'::text]))),
  constraint network_tenant_key_check CHECK ((tenant_key ~ '^[a-z0-9][a-z0-9-]{0,47}$'::text)),
  constraint network_topology_check CHECK ((topology = ANY (ARRAY['hub_and_spoke'::text, 'full_mesh'::text]))),
  constraint network_version_check CHECK ((version >= 1)),
  constraint network_cidr_excl EXCLUDE USING gist (cidr inet_ops WITH &&),
  constraint network_pod_subnet_excl EXCLUDE USING gist (pod_subnet inet_ops WITH &&)
);
CREATE TRIGGER network_allocated BEFORE UPDATE ON sdwan_compiler.network FOR EACH ROW EXECUTE FUNCTION guard_allocated();
grant delete, insert, select, update on network to sdwan_compiler;

create table network_secret (
  network_id uuid not null,
  sealed bytea not null,
  constraint network_secret_pkey PRIMARY KEY (network_id),
  constraint network_secret_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE
);
CREATE TRIGGER network_secret_sealed BEFORE INSERT OR UPDATE OF sealed ON sdwan_compiler.network_secret FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('sealed');
grant insert, select, update on network_secret to sdwan_compiler;

create table node_report (
  node_id uuid not null,
  report bytea not null default '\x'::bytea,
  reported_at timestamp with time zone,
  applied_version text not null default ''::text,
  rolled_back_version text not null default ''::text,
  drifted boolean not null default false,
  confirmed_version text not null default ''::text,
  confirmed_at timestamp with time zone,
  told_applied_version text not null default ''::text,
  told_rolled_back_version text not null default ''::text,
  told_drifted boolean not null default false,
  told_count integer not null default 0,
  told_since timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint node_report_pkey PRIMARY KEY (node_id),
  constraint node_report_applied_version_check CHECK ((applied_version ~ '^([0-9a-f]{64})?$'::text)),
  constraint node_report_confirmed_version_check CHECK ((confirmed_version ~ '^([0-9a-f]{64})?$'::text)),
  constraint node_report_rolled_back_version_check CHECK ((rolled_back_version ~ '^([0-9a-f]{64})?$'::text)),
  constraint node_report_told_applied_version_check CHECK ((told_applied_version ~ '^([0-9a-f]{64})?$'::text)),
  constraint node_report_told_count_check CHECK ((told_count >= 0)),
  constraint node_report_told_rolled_back_version_check CHECK ((told_rolled_back_version ~ '^([0-9a-f]{64})?$'::text))
);
grant delete, insert, select, update on node_report to sdwan_compiler;

create table outbox (
  "position" bigint not null generated always as identity,
  id uuid not null,
  subject text not null,
  event bytea not null,
  queued_at timestamp with time zone not null,
  published_at timestamp with time zone,
  signed_by text,
  signed_under text,
  constraint outbox_pkey PRIMARY KEY ("position"),
  constraint outbox_id_key UNIQUE (id),
  constraint outbox_subject_check CHECK ((subject ~ '^fed(\.[A-Za-z0-9_-]+){3}$'::text))
);
CREATE INDEX outbox_kept ON sdwan_compiler.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON sdwan_compiler.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to sdwan_compiler;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to sdwan_compiler;

create table overlay_offer (
  peer_id uuid not null,
  sequence bigint not null,
  gateways jsonb not null,
  advertise jsonb not null,
  withdrawn boolean not null,
  half_sealed bytea,
  half_sequence bigint not null,
  told_sequence bigint not null default 0,
  due_at timestamp with time zone not null,
  attempts integer not null default 0,
  failure text not null default ''::text,
  constraint overlay_offer_pkey PRIMARY KEY (peer_id),
  constraint overlay_offer_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES federation_peer(id),
  constraint overlay_offer_advertise_check CHECK ((jsonb_typeof(advertise) = 'array'::text)),
  constraint overlay_offer_attempts_check CHECK ((attempts >= 0)),
  constraint overlay_offer_check CHECK (((told_sequence >= 0) AND (told_sequence <= sequence))),
  constraint overlay_offer_empty CHECK (((NOT withdrawn) OR ((gateways = '[]'::jsonb) AND (advertise = '[]'::jsonb)))),
  constraint overlay_offer_gateways_check CHECK ((jsonb_typeof(gateways) = 'array'::text)),
  constraint overlay_offer_half CHECK ((withdrawn = (half_sealed IS NULL))),
  constraint overlay_offer_sequence_check CHECK ((sequence >= 1))
);
CREATE INDEX overlay_offer_due ON sdwan_compiler.overlay_offer USING btree (due_at);
CREATE TRIGGER overlay_offer_sealed BEFORE INSERT OR UPDATE OF half_sealed ON sdwan_compiler.overlay_offer FOR EACH ROW EXECUTE FUNCTION sealed_under_newest('half_sealed');
grant insert, select, update on overlay_offer to sdwan_compiler;

create table ovn_acl (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  switch_id uuid not null,
  name text not null,
  direction text not null,
  priority integer not null,
  action text not null,
  family text not null,
  src cidr,
  src_not boolean not null,
  dst cidr,
  dst_not boolean not null,
  protocol text not null,
  port_from integer,
  port_to integer,
  port_id uuid,
  state text not null,
  constraint ovn_acl_pkey PRIMARY KEY (id),
  constraint ovn_acl_switch_id_name_key UNIQUE (switch_id, name) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_acl_port_id_fkey FOREIGN KEY (port_id) REFERENCES ovn_port(id) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_acl_switch_id_fkey FOREIGN KEY (switch_id) REFERENCES ovn_switch(id) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_acl_action_check CHECK ((action = ANY (ARRAY['allow'::text, 'allow-related'::text, 'drop'::text, 'reject'::text]))),
  constraint ovn_acl_check CHECK (((NOT src_not) OR (src IS NOT NULL))),
  constraint ovn_acl_check1 CHECK (((NOT dst_not) OR (dst IS NOT NULL))),
  constraint ovn_acl_direction_check CHECK ((direction = ANY (ARRAY['from-lport'::text, 'to-lport'::text]))),
  constraint ovn_acl_family_check CHECK ((family = ANY (ARRAY['any'::text, 'ip4'::text, 'ip6'::text]))),
  constraint ovn_acl_name_check CHECK ((name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$'::text)),
  constraint ovn_acl_port_from_check CHECK (((port_from >= 1) AND (port_from <= 65535))),
  constraint ovn_acl_port_to_check CHECK (((port_to >= 1) AND (port_to <= 65535))),
  constraint ovn_acl_ports CHECK ((((port_from IS NULL) = (port_to IS NULL)) AND ((port_from IS NULL) OR ((port_from <= port_to) AND (protocol = ANY (ARRAY['tcp'::text, 'udp'::text])))))),
  constraint ovn_acl_priority_check CHECK (((priority >= 0) AND (priority <= 32000))),
  constraint ovn_acl_protocol_check CHECK ((protocol = ANY (ARRAY['any'::text, 'tcp'::text, 'udp'::text, 'icmp'::text]))),
  constraint ovn_acl_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'removed'::text]))),
  constraint ovn_acl_version_check CHECK ((version >= 1))
);
CREATE UNIQUE INDEX ovn_acl_priority ON sdwan_compiler.ovn_acl USING btree (switch_id, direction, priority) WHERE (state = 'active'::text);
grant delete, insert, select, update on ovn_acl to sdwan_compiler;

create table ovn_deployment (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  name text not null,
  status text not null,
  nb_endpoint text,
  sb_endpoint text,
  node_id uuid,
  constraint ovn_deployment_pkey PRIMARY KEY (id),
  constraint ovn_deployment_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_deployment_endpoints CHECK (((status = 'pending'::text) OR ((nb_endpoint IS NOT NULL) AND (sb_endpoint IS NOT NULL)))),
  constraint ovn_deployment_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
  constraint ovn_deployment_nb_endpoint_check CHECK ((nb_endpoint ~ '^((tcp|ssl):[0-9A-Za-z.:\[\]-]+:[0-9]{1,5}|unix:/[A-Za-z0-9/._-]+)$'::text)),
  constraint ovn_deployment_sb_endpoint_check CHECK ((sb_endpoint ~ '^((tcp|ssl):[0-9A-Za-z.:\[\]-]+:[0-9]{1,5}|unix:/[A-Za-z0-9/._-]+)$'::text)),
  constraint ovn_deployment_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'bootstrapping'::text, 'active'::text, 'degraded'::text]))),
  constraint ovn_deployment_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on ovn_deployment to sdwan_compiler;

create table ovn_ending (
  deployment_id uuid not null,
  node_id uuid not null,
  nb_endpoint text not null,
  generation bigint not null,
  name text not null,
  ended_at timestamp with time zone not null,
  constraint ovn_ending_pkey PRIMARY KEY (deployment_id, node_id, nb_endpoint),
  constraint ovn_ending_generation_check CHECK ((generation >= 1)),
  constraint ovn_ending_nb_endpoint_check CHECK ((nb_endpoint <> ''::text))
);
grant delete, insert, select, update on ovn_ending to sdwan_compiler;

create table ovn_port (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  switch_id uuid not null,
  name text not null,
  kind text not null,
  mac text not null,
  addresses text[] not null,
  host_node_id uuid,
  state text not null,
  constraint ovn_port_pkey PRIMARY KEY (id),
  constraint ovn_port_switch_id_mac_key UNIQUE (switch_id, mac),
  constraint ovn_port_switch_id_name_key UNIQUE (switch_id, name) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_port_switch_id_fkey FOREIGN KEY (switch_id) REFERENCES ovn_switch(id) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_port_kind_check CHECK ((kind = ANY (ARRAY['vm'::text, 'container'::text, 'external'::text]))),
  constraint ovn_port_mac_check CHECK ((mac ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'::text)),
  constraint ovn_port_name_check CHECK ((name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$'::text)),
  constraint ovn_port_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'removed'::text]))),
  constraint ovn_port_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on ovn_port to sdwan_compiler;

create table ovn_switch (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  deployment_id uuid not null,
  name text not null,
  cidr cidr,
  state text not null,
  network_id uuid,
  constraint ovn_switch_pkey PRIMARY KEY (id),
  constraint ovn_switch_deployment_id_name_key UNIQUE (deployment_id, name) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_switch_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES ovn_deployment(id) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_switch_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint ovn_switch_name_check CHECK ((name ~ '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$'::text)),
  constraint ovn_switch_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'removed'::text]))),
  constraint ovn_switch_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on ovn_switch to sdwan_compiler;

create table ovn_writer (
  deployment_id uuid not null,
  nb_endpoint text not null,
  node_id uuid not null,
  constraint ovn_writer_pkey PRIMARY KEY (deployment_id, nb_endpoint, node_id),
  constraint ovn_writer_nb_endpoint_check CHECK ((nb_endpoint <> ''::text))
);
grant delete, insert, select on ovn_writer to sdwan_compiler;

create table port_mapping (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  member_id uuid not null,
  listen_port integer not null,
  protocol text not null,
  target_member_id uuid,
  target_virtual_ip_id uuid,
  target_port integer not null,
  disabled boolean not null,
  rate_limit integer,
  max_connections integer,
  source_cidrs cidr[] not null,
  constraint port_mapping_pkey PRIMARY KEY (id),
  constraint port_mapping_member_id_listen_port_protocol_key UNIQUE (member_id, listen_port, protocol),
  constraint port_mapping_member_id_fkey FOREIGN KEY (member_id) REFERENCES member(id) DEFERRABLE INITIALLY DEFERRED,
  constraint port_mapping_target_member_id_fkey FOREIGN KEY (target_member_id) REFERENCES member(id) DEFERRABLE INITIALLY DEFERRED,
  constraint port_mapping_target_virtual_ip_id_fkey FOREIGN KEY (target_virtual_ip_id) REFERENCES virtual_ip(id) DEFERRABLE INITIALLY DEFERRED,
  constraint port_mapping_listen_port_check CHECK (((listen_port >= 1) AND (listen_port <= 65535))),
  constraint port_mapping_max_connections_check CHECK ((max_connections >= 1)),
  constraint port_mapping_one_target CHECK ((num_nonnulls(target_member_id, target_virtual_ip_id) = 1)),
  constraint port_mapping_protocol_check CHECK ((protocol = ANY (ARRAY['tcp'::text, 'udp'::text]))),
  constraint port_mapping_rate_limit_check CHECK ((rate_limit >= 1)),
  constraint port_mapping_target_port_check CHECK (((target_port >= 1) AND (target_port <= 65535))),
  constraint port_mapping_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on port_mapping to sdwan_compiler;

create table prefix_access (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  peer_id uuid not null,
  network_id uuid not null,
  gateways uuid[] not null,
  advertise cidr[] not null,
  accept cidr[] not null,
  max_prefixes integer not null,
  disabled boolean not null,
  constraint prefix_access_pkey PRIMARY KEY (id),
  constraint prefix_access_peer_id_key UNIQUE (peer_id),
  constraint prefix_access_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint prefix_access_gateways_check CHECK (((cardinality(gateways) >= 1) AND (cardinality(gateways) <= 4))),
  constraint prefix_access_max_prefixes_check CHECK (((max_prefixes >= 1) AND (max_prefixes <= 10000))),
  constraint prefix_access_version_check CHECK ((version >= 1))
);
CREATE CONSTRAINT TRIGGER prefix_access_members AFTER INSERT OR UPDATE ON sdwan_compiler.prefix_access DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_named_members();
grant delete, insert, select, update on prefix_access to sdwan_compiler;

create table reachability_test (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  name text not null,
  src text not null,
  accept text[] not null,
  deny text[] not null,
  constraint reachability_test_pkey PRIMARY KEY (id),
  constraint reachability_test_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED,
  constraint reachability_test_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'::text)),
  constraint reachability_test_src_check CHECK (((length(src) >= 1) AND (length(src) <= 128))),
  constraint reachability_test_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on reachability_test to sdwan_compiler;

create table route_leak (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  source_network_id uuid not null,
  dest_network_id uuid not null,
  direction text not null,
  state text not null,
  filter jsonb not null,
  constraint route_leak_pkey PRIMARY KEY (id),
  constraint route_leak_source_network_id_dest_network_id_direction_key UNIQUE (source_network_id, dest_network_id, direction),
  constraint route_leak_dest_network_id_fkey FOREIGN KEY (dest_network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint route_leak_source_network_id_fkey FOREIGN KEY (source_network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint route_leak_check CHECK ((dest_network_id <> source_network_id)),
  constraint route_leak_direction_check CHECK ((direction = ANY (ARRAY['one_way'::text, 'bidirectional'::text]))),
  constraint route_leak_filter_check CHECK (((jsonb_typeof(filter) = 'array'::text) AND (jsonb_array_length(filter) <= 128))),
  constraint route_leak_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'active'::text, 'revoked'::text]))),
  constraint route_leak_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on route_leak to sdwan_compiler;

create table route_policy (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  name text not null,
  scope text not null,
  scope_network_id uuid,
  scope_member_id uuid,
  direction text not null,
  disabled boolean not null,
  statements jsonb not null,
  constraint route_policy_pkey PRIMARY KEY (id),
  constraint route_policy_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED,
  constraint route_policy_scope_member_id_fkey FOREIGN KEY (scope_member_id) REFERENCES member(id) DEFERRABLE INITIALLY DEFERRED,
  constraint route_policy_scope_network_id_fkey FOREIGN KEY (scope_network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint route_policy_direction_check CHECK ((direction = ANY (ARRAY['import'::text, 'export'::text]))),
  constraint route_policy_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'::text)),
  constraint route_policy_scope_check CHECK ((scope = ANY (ARRAY['account'::text, 'network'::text, 'member'::text]))),
  constraint route_policy_scoped CHECK ((((scope = 'network'::text) = (scope_network_id IS NOT NULL)) AND ((scope = 'member'::text) = (scope_member_id IS NOT NULL)))),
  constraint route_policy_statements_check CHECK (((jsonb_typeof(statements) = 'array'::text) AND ((jsonb_array_length(statements) >= 1) AND (jsonb_array_length(statements) <= 64)))),
  constraint route_policy_version_check CHECK ((version >= 1))
);
grant delete, insert, select, update on route_policy to sdwan_compiler;

create table run (
  id uuid not null,
  request_id uuid,
  skill text not null,
  request bytea not null,
  state text not null,
  roll_back_on_failure boolean not null,
  failures jsonb not null,
  requested_by text not null,
  correlation_id text not null,
  traceparent text not null,
  requested_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  due_at timestamp with time zone not null,
  attempts integer not null,
  constraint run_pkey PRIMARY KEY (id),
  constraint run_request_id_key UNIQUE (request_id),
  constraint run_attempts_check CHECK ((attempts >= 0)),
  constraint run_failures_check CHECK ((jsonb_typeof(failures) = 'array'::text)),
  constraint run_finished CHECK (((state = ANY (ARRAY['running'::text, 'rolling_back'::text])) = (finished_at IS NULL))),
  constraint run_skill_check CHECK ((skill = ANY (ARRAY['sdwan_federation_compose'::text, 'multi_tenant_isolation'::text]))),
  constraint run_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'partial'::text, 'failed'::text, 'rolling_back'::text, 'rolled_back'::text])))
);
CREATE INDEX run_unfinished ON sdwan_compiler.run USING btree (due_at) WHERE (finished_at IS NULL);
CREATE TRIGGER run_guarded BEFORE UPDATE ON sdwan_compiler.run FOR EACH ROW EXECUTE FUNCTION guard_run();
CREATE TRIGGER run_rings AFTER INSERT OR UPDATE OF state ON sdwan_compiler.run FOR EACH ROW EXECUTE FUNCTION ring_runs();
grant insert, select, update on run to sdwan_compiler;

create table run_step (
  run_id uuid not null,
  place integer not null,
  name text not null,
  action text not null,
  status text not null,
  detail text not null,
  record_kind text,
  record_id uuid,
  constraint run_step_pkey PRIMARY KEY (run_id, place),
  constraint run_step_record_id_key UNIQUE (record_id),
  constraint run_step_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id) ON DELETE CASCADE,
  constraint run_step_name_check CHECK ((name ~ '^[a-z_]{1,48}$'::text)),
  constraint run_step_place_check CHECK ((place >= 0)),
  constraint run_step_record CHECK (((record_kind IS NULL) = (record_id IS NULL))),
  constraint run_step_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text, 'undone'::text, 'skipped'::text]))),
  constraint run_step_undone CHECK (((status <> 'undone'::text) OR (record_id IS NOT NULL)))
);
grant insert, select, update on run_step to sdwan_compiler;

create table sealing_key (
  id boolean not null default true,
  key_ids bytea[] not null default '{}'::bytea[],
  constraint sealing_key_pkey PRIMARY KEY (id),
  constraint sealing_key_id_check CHECK (id)
);
grant select, update on sealing_key to sdwan_compiler;

create table virtual_ip (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  network_id uuid not null,
  name text not null,
  cidr cidr not null,
  holders uuid[] not null,
  failover uuid[] not null,
  anycast boolean not null,
  med bigint not null,
  local_pref bigint not null,
  constraint virtual_ip_pkey PRIMARY KEY (id),
  constraint virtual_ip_cidr_key UNIQUE (cidr),
  constraint virtual_ip_network_id_name_key UNIQUE (network_id, name) DEFERRABLE INITIALLY DEFERRED,
  constraint virtual_ip_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) DEFERRABLE INITIALLY DEFERRED,
  constraint virtual_ip_anycast CHECK (((NOT anycast) OR (cardinality(holders) >= 2))),
  constraint virtual_ip_cidr_check CHECK ((masklen((cidr)::inet) =
CASE family((cidr)::inet)
    WHEN 4 THEN 32
    ELSE 128
END)),
  constraint virtual_ip_failover_check CHECK ((cardinality(failover) <= 16)),
  constraint virtual_ip_holders_check CHECK ((cardinality(holders) <= 16)),
  constraint virtual_ip_local_pref_check CHECK (((local_pref >= 0) AND (local_pref <= '4294967295'::bigint))),
  constraint virtual_ip_med_check CHECK (((med >= 0) AND (med <= '4294967295'::bigint))),
  constraint virtual_ip_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$'::text)),
  constraint virtual_ip_places CHECK ((NOT (holders && failover))),
  constraint virtual_ip_version_check CHECK ((version >= 1))
);
CREATE CONSTRAINT TRIGGER virtual_ip_members AFTER INSERT OR UPDATE ON sdwan_compiler.virtual_ip DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_named_members();
grant delete, insert, select, update on virtual_ip to sdwan_compiler;

create table virtual_ip_assignment (
  id uuid not null,
  virtual_ip_id uuid not null,
  member_id uuid not null,
  assumed_at timestamp with time zone not null,
  released_at timestamp with time zone,
  reason text not null,
  by text not null,
  constraint virtual_ip_assignment_pkey PRIMARY KEY (id),
  constraint virtual_ip_assignment_virtual_ip_id_fkey FOREIGN KEY (virtual_ip_id) REFERENCES virtual_ip(id) ON DELETE CASCADE,
  constraint virtual_ip_assignment_check CHECK ((released_at >= assumed_at))
);
CREATE UNIQUE INDEX virtual_ip_assignment_open ON sdwan_compiler.virtual_ip_assignment USING btree (virtual_ip_id, member_id) WHERE (released_at IS NULL);
grant insert, select, update on virtual_ip_assignment to sdwan_compiler;

create table vrf_assignment (
  id uuid not null,
  version bigint not null,
  created_at timestamp with time zone not null,
  created_by text not null,
  updated_at timestamp with time zone not null,
  updated_by text not null,
  node_id uuid not null,
  network_id uuid not null,
  table_id integer not null,
  vrf_name text not null,
  state text not null,
  removed_at timestamp with time zone,
  constraint vrf_assignment_pkey PRIMARY KEY (id),
  constraint vrf_assignment_node_id_network_id_key UNIQUE (node_id, network_id),
  constraint vrf_assignment_node_id_table_id_key UNIQUE (node_id, table_id),
  constraint vrf_assignment_node_id_vrf_name_key UNIQUE (node_id, vrf_name),
  constraint vrf_assignment_removed CHECK (((state = 'removed'::text) = (removed_at IS NOT NULL))),
  constraint vrf_assignment_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'draining'::text, 'removed'::text]))),
  constraint vrf_assignment_table_id_check CHECK ((((table_id >= 100) AND (table_id <= 65535)) AND ((table_id < 253) OR (table_id > 255)))),
  constraint vrf_assignment_version_check CHECK ((version >= 1)),
  constraint vrf_assignment_vrf_name_check CHECK ((vrf_name ~ '^[a-z0-9-]{1,15}$'::text))
);
grant delete, insert, select, update on vrf_assignment to sdwan_compiler;
