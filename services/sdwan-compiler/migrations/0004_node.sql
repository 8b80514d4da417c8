-- breaking: no

-- What the agent of a node last said of it, and what it keeps.
create table node_report (
  node_id uuid primary key,
  -- ReportNodeRequest, as it was sent; empty until the first.
  report bytea not null default '',
  reported_at timestamptz,
  applied_version text not null default '' check (applied_version ~ '^([0-9a-f]{64})?$'),
  rolled_back_version text not null default '' check (rolled_back_version ~ '^([0-9a-f]{64})?$'),
  drifted boolean not null default false,
  confirmed_version text not null default '' check (confirmed_version ~ '^([0-9a-f]{64})?$'),
  confirmed_at timestamptz,
  -- What was announced of it, how often in the hour that began then: a node that says something else all the time is not.
  told_applied_version text not null default '' check (told_applied_version ~ '^([0-9a-f]{64})?$'),
  told_rolled_back_version text not null default '' check (told_rolled_back_version ~ '^([0-9a-f]{64})?$'),
  told_drifted boolean not null default false,
  told_count integer not null default 0 check (told_count >= 0),
  told_since timestamptz not null default '-infinity'
);

-- When a member was last heard over its tunnels, by whoever said so.
create table member_seen (
  member_id uuid primary key references member (id) on delete cascade,
  last_handshake_at timestamptz not null
);

-- Deployments of OVN whose records a node still has to take out of a northbound database: they were deleted, or lie elsewhere
-- by now. Neither deployment nor node need be there any more.
create table ovn_ending (
  deployment_id uuid not null,
  node_id uuid not null,
  nb_endpoint text not null check (nb_endpoint <> ''),
  -- Of the deployment when it ended here: one that comes back and ends again is another ending.
  generation bigint not null check (generation >= 1),
  name text not null,
  ended_at timestamptz not null,
  primary key (deployment_id, node_id, nb_endpoint)
);

-- Nodes that may have written a deployment into a database in which it lies: the one that last said that it did, or else all to whom it
-- was given since. One that was to, and was never heard, has written nothing.
create table ovn_writer (
  deployment_id uuid not null,
  nb_endpoint text not null check (nb_endpoint <> ''),
  node_id uuid not null,
  primary key (deployment_id, nb_endpoint, node_id)
);

grant select, insert, delete on ovn_writer to sdwan_compiler;
grant select, insert, update, delete on ovn_ending to sdwan_compiler;
grant select, insert, update, delete on node_report to sdwan_compiler;
grant select, insert, update on member_seen to sdwan_compiler;
