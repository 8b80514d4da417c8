-- breaking: no

-- A federation peer as far as the network has to know it. News may take its road away at once; only peer-registry's own word
-- gives it one.
create table federation_peer (
  id uuid primary key,
  name text not null,
  -- Empty until peer-registry has said.
  platform_id text not null check (platform_id ~ '^([a-z2-7]{32})?$'),
  state text not null
    check (state in ('unknown', 'proposed', 'accepted', 'enrolled', 'active', 'degraded', 'suspended', 'revoked')),
  -- Of peer-registry's row: older news is no news.
  revision bigint not null check (revision >= 0),
  -- What it has, as its platform describes itself; empty: nothing.
  prefix_advertisement text not null,
  degraded_since timestamptz,
  -- It is looked at then; how often somebody said that there is something to see, and in vain how often we asked.
  due_at timestamptz not null,
  rings bigint not null default 0 check (rings >= 0),
  attempts integer not null default 0 check (attempts >= 0),
  constraint federation_peer_degraded check ((state = 'degraded') = (degraded_since is not null))
);
create index federation_peer_due on federation_peer (due_at);

-- Our end of the road to a peer, as it is told. Its half of the preshared key is there for as long as it is offered.
create table overlay_offer (
  peer_id uuid primary key references federation_peer,
  sequence bigint not null check (sequence >= 1),
  gateways jsonb not null check (jsonb_typeof(gateways) = 'array'),
  advertise jsonb not null check (jsonb_typeof(advertise) = 'array'),
  withdrawn boolean not null,
  half_sealed bytea,
  -- The sequence with which this half came.
  half_sequence bigint not null,
  -- The newest that the peer has taken; 0: none.
  told_sequence bigint not null default 0 check (told_sequence >= 0 and told_sequence <= sequence),
  due_at timestamptz not null,
  attempts integer not null default 0 check (attempts >= 0),
  failure text not null default '',
  constraint overlay_offer_half check (withdrawn = (half_sealed is null)),
  constraint overlay_offer_empty check (not withdrawn or (gateways = '[]' and advertise = '[]'))
);
create index overlay_offer_due on overlay_offer (due_at);

-- The peer's end, as it was last heard.
create table heard_overlay (
  peer_id uuid primary key references federation_peer,
  sequence bigint not null check (sequence >= 0),
  gateways jsonb not null check (jsonb_typeof(gateways) = 'array'),
  advertise jsonb not null check (jsonb_typeof(advertise) = 'array'),
  withdrawn boolean not null,
  half_sealed bytea,
  half_sequence bigint not null,
  heard_at timestamptz not null,
  constraint heard_overlay_half check (withdrawn = (half_sealed is null))
);

-- What follows from both ends, from what our operators accept, and from whose is what: the road as it is compiled. There is
-- none while the peering is not alive.
create table crossing (
  peer_id uuid primary key references federation_peer,
  network_id uuid not null,
  -- Theirs.
  gateways jsonb not null check (jsonb_typeof(gateways) = 'array'),
  accepted jsonb not null check (jsonb_typeof(accepted) = 'array'),
  advertised jsonb not null check (jsonb_typeof(advertised) = 'array'),
  -- Of what they advertise: not routed.
  refused jsonb not null check (jsonb_typeof(refused) = 'array'),
  max_prefixes integer not null check (max_prefixes between 1 and 10000),
  -- Which preshared key: both halves' sequences; empty until there is one.
  pair text not null,
  constraint crossing_keyed check (pair <> '' or gateways = '[]')
);

-- Our ends: the tunnel to a peer has an interface of its own on each gateway, with a port and a key of its own.
create table crossing_gateway (
  peer_id uuid not null references crossing on delete cascade,
  member_id uuid not null,
  node_instance_id uuid not null,
  place integer not null check (place >= 0),
  listen_port integer not null check (listen_port between 1 and 65535),
  -- Base64; null until the agent of its node has made one.
  public_key text check (public_key ~ '^[A-Za-z0-9+/]{43}=$'),
  primary key (peer_id, member_id),
  constraint crossing_gateway_once unique (peer_id, node_instance_id),
  constraint crossing_gateway_port unique (node_instance_id, listen_port)
);

-- Rules that were switched off because the peer they name is away: those, and no others, are switched on again when it is back.
create table disabled_rule (
  rule_id uuid primary key,
  peer_id uuid not null references federation_peer,
  reason text not null,
  disabled_at timestamptz not null
);

create trigger overlay_offer_sealed before insert or update of half_sealed on overlay_offer
  for each row execute function sealed_under_newest('half_sealed');
create trigger heard_overlay_sealed before insert or update of half_sealed on heard_overlay
  for each row execute function sealed_under_newest('half_sealed');

grant select, insert, update, delete on federation_peer to sdwan_compiler;
grant select, insert, update on overlay_offer to sdwan_compiler;
grant select, insert, update, delete on heard_overlay, crossing, crossing_gateway, disabled_rule to sdwan_compiler;
