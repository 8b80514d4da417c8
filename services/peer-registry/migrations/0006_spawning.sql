-- breaking: no

-- The parent's half of spawning: which peers are platforms that we made.
create table spawned_child (
  peer_id uuid primary key references peer (id),
  spawn_id uuid not null unique,
  instance_id uuid not null,
  created_at timestamptz not null
);

-- The child's half: what the boot payload of our machine said of our parent, and what the parent handed over.
create table parentage (
  peer_id uuid primary key references peer (id),
  parent_peer_id uuid not null unique,
  spawn_mode text not null check (spawn_mode in ('managed_child', 'autonomous_peer', 'cluster_member')),
  token_digest bytea not null check (length(token_digest) = 32),
  refused_reason text not null default '',
  refused_message text not null default '',
  -- Holds secrets of the parent: sealed, and gone as soon as it is carried out.
  enrollment_sealed bytea,
  created_at timestamptz not null,
  done_at timestamptz,
  constraint parentage_done_is_empty check (done_at is null or enrollment_sealed is null)
);

-- What was carried out is not handed over again.
create function guard_parentage() returns trigger language plpgsql as $$
begin
  if old.done_at is not null and new.done_at is distinct from old.done_at then
    raise exception 'what the parent of % handed over is carried out', old.peer_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger parentage_guarded before update on parentage for each row execute function guard_parentage();

create trigger parentage_sealed before insert or update of enrollment_sealed on parentage
  for each row execute function sealed_under_newest('enrollment_sealed');

grant select, insert on spawned_child to peer_registry;
grant select, insert, update on parentage to peer_registry;
