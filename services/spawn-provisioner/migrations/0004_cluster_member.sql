-- breaking: no

-- The replica of our database that a cluster_member keeps, as we prepared it and as it was seen last.
create table cluster_member (
  child_id uuid primary key references child (id),
  peer_id uuid not null unique,
  slot_name text not null unique check (slot_name ~ '^powernode_repl_[0-9a-f]{32}$'),
  role_name text not null unique check (role_name ~ '^powernode_repl_[0-9a-f]{16}$'),
  state text not null check (state in (
    'preparing', 'ready', 'streaming', 'lagging', 'guarded', 'fenced', 'promoted', 'failed_back'
  )),
  reason text not null default '' check (length(reason) <= 1000),
  since timestamptz not null,
  -- Kept until the member has logged in with it, and no longer.
  password_sealed bytea,
  role_expires_at timestamptz,
  -- When it was seen to stream last. Null: it never came.
  streamed_at timestamptz,
  -- Whether it was told that its slot holds back nearly as much as it may.
  alarmed boolean not null default false,
  wal_status text not null default '',
  replay_lag_bytes bigint,
  retained_wal_bytes bigint,
  replay_lag_seconds double precision,
  sent_lsn text not null default '',
  replay_lsn text not null default '',
  observed_at timestamptz,
  -- What it was handed.
  primary_address text not null,
  redis_address text not null default '',
  -- What the member says of itself.
  redis_status text not null default 'untried' check (length(redis_status) <= 256),
  address text not null default '' check (length(address) <= 256),
  reported_at timestamptz,
  -- What it says last that is not believed by its word alone; empty: nothing.
  claim text not null default '' check (length(claim) <= 256)
);

create table sealing_key (
  id boolean primary key default true check (id),
  -- Ids of all keys that values here were ever sealed under, which tell nothing of the keys; the last is the newest.
  key_ids bytea[] not null default '{}'
);
insert into sealing_key default values;

-- A process that runs with a key that was replaced keeps nothing: that would be lost with its key.
create function sealed_under_newest() returns trigger language plpgsql set search_path = spawn_provisioner, pg_temp as $$
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
create trigger cluster_member_sealed before insert or update of password_sealed on cluster_member
  for each row execute function sealed_under_newest('password_sealed');

grant select, update on sealing_key to spawn_provisioner;
grant select, insert, update, delete on cluster_member to spawn_provisioner;
