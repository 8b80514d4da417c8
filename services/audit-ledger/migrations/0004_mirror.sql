-- breaking: no

-- The peer's log about us, as far as it has told it: our copy, to the byte. `leaf` is what is hashed; the other columns say
-- the same for queries, strings as they stand in the leaf (escaped).
create table mirror_entry (
  peer_id uuid not null,
  sequence bigint not null check (sequence >= 0),
  at timestamptz not null,
  -- Calls only. As the peer says it: "out" is a call of the peer to us.
  direction text check (direction in ('in', 'out')),
  allowed boolean,
  content_id text,
  resource text,
  leaf bytea not null check (length(leaf) <= 65535),
  leaf_hash bytea not null,
  primary key (peer_id, sequence),
  constraint mirror_leaf_hash_is_right check (leaf_hash = sha256('\x00'::bytea || leaf)),
  constraint mirror_call_has_outcome check ((direction is null) = (allowed is null))
);
create index mirror_call_by_at on mirror_entry (peer_id, at) where direction is not null;

-- What the peer discloses of its payloads; each fits the hash in its leaf.
create table mirror_payload (
  peer_id uuid not null,
  sequence bigint not null,
  salt bytea not null check (length(salt) = 16),
  body bytea not null,
  primary key (peer_id, sequence)
);

-- Full tiles of the peer's tree, made by ourselves from its leaves.
create table mirror_tile (
  peer_id uuid not null,
  level int not null check (level between 0 and 7),
  position bigint not null check (position >= 0),
  hashes bytea not null check (length(hashes) = 8192),
  root bytea not null check (length(root) = 32),
  primary key (peer_id, level, position)
);

-- How far the mirror reached after each delivery, and the peer's signed checkpoint that proves so much to be its log.
create table mirror_head (
  peer_id uuid not null,
  size bigint not null check (size >= 1),
  root bytea not null check (length(root) = 32),
  -- Of leaves and payloads up to here: what the peer fills of our disk.
  bytes bigint not null,
  checkpoint text not null,
  -- Of the checkpoint: this size or a later one.
  checkpoint_size bigint not null check (checkpoint_size >= size),
  at timestamptz not null,
  primary key (peer_id, size)
);
create index mirror_head_by_at on mirror_head (peer_id, at);
create index mirror_head_whole on mirror_head (peer_id, size) where checkpoint_size = size;

-- What a delivery adds stands on what is there, and nowhere else.
create function mirror_only_at_the_end() returns trigger language plpgsql set search_path = audit_ledger, pg_temp as $$
begin
  if exists (
    select from (select peer_id, min(sequence) as first, max(sequence) as last, count(*) as n from added group by peer_id) a
    where a.last - a.first + 1 <> a.n
      or (a.first > 0 and not exists (
        select from mirror_entry m where m.peer_id = a.peer_id and m.sequence = a.first - 1))
  ) then
    raise exception 'entries of a mirror do not stand at its end' using errcode = 'check_violation';
  end if;
  return null;
end
$$;
create trigger mirror_entry_appended after insert on mirror_entry referencing new table as added
  for each statement execute function mirror_only_at_the_end();

create trigger mirror_entry_unchangeable before update or delete or truncate on mirror_entry for each statement execute function refuse_change();
create trigger mirror_payload_unchangeable before update or delete or truncate on mirror_payload for each statement execute function refuse_change();
create trigger mirror_tile_unchangeable before update or delete or truncate on mirror_tile for each statement execute function refuse_change();
create trigger mirror_head_unchangeable before update or delete or truncate on mirror_head for each statement execute function refuse_change();

-- How far our logs have come on their way to their peers' mirrors. Only what we remember of it: a peer's answer corrects it.
create table shipment (
  log_id int primary key references log (id),
  -- Entries that the peer says it holds.
  size bigint not null default 0,
  -- When all that was signed then had arrived.
  caught_up_at timestamptz,
  attempts int not null default 0,
  next_at timestamptz not null,
  error text not null default ''
);

-- Each time that our log about a peer was compared with the peer's log about us, and up to when nothing is left open.
create table reconciliation (
  peer_id uuid not null,
  at timestamptz not null,
  compared_until timestamptz not null,
  matched bigint not null,
  missing_here bigint not null,
  missing_there bigint not null,
  differing bigint not null,
  pending bigint not null,
  primary key (peer_id, at)
);
create trigger reconciliation_unchangeable before update or delete or truncate on reconciliation for each statement execute function refuse_change();

grant select, insert on mirror_entry, mirror_payload, mirror_tile, mirror_head, reconciliation to audit_ledger;
grant select, insert, update on shipment to audit_ledger;
