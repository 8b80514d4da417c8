-- breaking: no

-- Whose ledger this is. Origins begin with the trust domain, so it never becomes another.
create table ledger (
  only_one boolean primary key default true check (only_one),
  trust_domain text not null check (length(trust_domain) between 1 and 128),
  opened_at timestamptz not null
);

-- One log per peer, named by the peer's id, and 'platform' for what concerns none. The origin stands in every checkpoint.
create table log (
  id int generated always as identity primary key,
  name text not null unique check (length(name) between 1 and 64),
  origin text not null unique check (length(origin) between 1 and 255),
  opened_at timestamptz not null
);

-- What happened, in an order nobody can change: the leaves of a Merkle tree (RFC 6962).
-- `leaf` is what is hashed; the other columns say the same for queries. No foreign keys: entry_appended checks the log.
create table entry (
  log_id int not null,
  sequence bigint not null check (sequence >= 0),
  -- The event or the decision that it records: it is written once, however often it is told.
  id uuid not null,
  action text not null,
  at timestamptz not null,
  -- Calls only.
  direction text check (direction in ('in', 'out')),
  -- Calls only: the other side's id of its own decision about the same call.
  remote_id uuid,
  leaf bytea not null check (length(leaf) <= 65535),
  leaf_hash bytea not null,
  primary key (log_id, sequence),
  constraint entry_id_once unique (id),
  constraint entry_leaf_hash_is_right check (leaf_hash = sha256('\x00'::bytea || leaf))
);
create index entry_by_remote_id on entry (remote_id) where remote_id is not null;
create index entry_call_by_at on entry (at, id) where direction is not null;
create index entry_call_by_log on entry (log_id, at, id) where direction is not null;

-- The details of an entry, bound to it by SHA-256(salt || body) in its leaf, and erasable without breaking a proof.
create table payload (
  log_id int not null,
  sequence bigint not null,
  salt bytea not null check (length(salt) = 16),
  body text not null,
  -- Shipped to the peer along with the entry.
  disclosed boolean not null,
  primary key (log_id, sequence)
);

-- Full tiles of the tree (C2SP tlog-tiles): 256 hashes of one level, and the hash over them. Unfinished ones are rebuilt.
create table tile (
  log_id int not null,
  level int not null check (level between 0 and 7),
  position bigint not null check (position >= 0),
  hashes bytea not null check (length(hashes) = 8192),
  root bytea not null check (length(root) = 32),
  primary key (log_id, level, position)
);

-- What we signed (C2SP tlog-checkpoint): of each size one root, and it stands here before anybody gets the note.
create table checkpoint (
  log_id int not null references log (id),
  size bigint not null check (size >= 1),
  root bytea not null check (length(root) = 32),
  note text not null,
  signed_at timestamptz not null,
  primary key (log_id, size)
);

-- Who has seen a checkpoint (C2SP tlog-cosignature): the peer's witness and others.
create table cosignature (
  log_id int not null,
  size bigint not null,
  name text not null,
  key_id bytea not null check (length(key_id) = 4),
  line text not null,
  at timestamptz not null,
  primary key (log_id, size, name, key_id),
  foreign key (log_id, size) references checkpoint (log_id, size)
);

-- With what we sign: the newest of each use counts. Sealed under SEALING_KEY_FILE.
create table ledger_key (
  use text not null check (use in ('log', 'witness')),
  generation int not null check (generation >= 1),
  public_key bytea not null check (length(public_key) = 32),
  sealed bytea not null,
  made_at timestamptz not null,
  primary key (use, generation)
);

-- Why payloads are gone: by whom, when, why, and which entry of the same log says so.
create table erasure (
  id bigint generated always as identity primary key,
  log_id int not null references log (id),
  -- Of these entries; both ends included.
  first bigint not null,
  last bigint not null check (last >= first),
  -- True: of the calls among them, which were kept as long as they are shown.
  ran_out boolean not null,
  at timestamptz not null,
  actor text not null,
  reason text not null check (length(reason) between 1 and 256),
  recorded_at bigint,
  constraint erasure_is_recorded check (ran_out or recorded_at is not null)
);
create index erasure_by_log on erasure (log_id, first, last);
create index erasure_ran_out on erasure (log_id, last) where ran_out;

-- Entries of a log that are gone by retention, and what was signed while it was shorter: a note by the log's key says so. The
-- hashes of the entries stay, in the tiles, and with them the root of every size.
create table pruning (
  log_id int not null references log (id),
  below bigint not null check (below > 0 and below % 256 = 0),
  statement text not null,
  at timestamptz not null,
  primary key (log_id, below)
);

-- Whether a log takes entries: the newest change counts. Held while we know that we lost entries, or that it forked.
create table hold (
  id bigint generated always as identity primary key,
  log_id int not null references log (id),
  held boolean not null,
  reason text not null,
  at timestamptz not null
);
create index hold_by_log on hold (log_id, id);

-- Starts of the database server, and tables restored while it ran, after which each log's peer was asked what it has seen of
-- it: a database that came back from a backup, or took over from another, may know less than it knew.
create table database_start (
  started_at timestamptz not null,
  -- A restored dump has the rows of this table, and other tables.
  entry_table oid not null,
  noticed_at timestamptz not null,
  primary key (started_at, entry_table)
);

-- Nobody rewrites the past, the owner of the tables neither.
create function refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '% of % is refused: what happened stays written', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end
$$;

-- Here and below: plans of functions are kept, and made while a table is small they would read all of it for ever. So they use
-- the keys from the beginning.

-- Entries go to the end of their log, each on the one before it, and nowhere else. Once for each statement: with the key of
-- the table it is enough that the new ones follow each other, and that the first of them follows one that is there.
create function append_only_at_the_end() returns trigger language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  a record;
begin
  for a in select log_id, min(sequence) as first, max(sequence) as last, count(*) as n from added group by log_id loop
    if a.last - a.first + 1 <> a.n
      or not exists (select from log where id = a.log_id)
      or (a.first > 0 and not exists (select from entry where log_id = a.log_id and sequence = a.first - 1))
      or (a.first = 0 and exists (select from pruning where log_id = a.log_id))
    then
      raise exception 'entries from % of log % do not stand at its end', a.first, a.log_id using errcode = 'check_violation';
    end if;
  end loop;
  return null;
end
$$;
create trigger entry_appended after insert on entry referencing new table as added
  for each statement execute function append_only_at_the_end();

-- A payload goes only when an erasure says so, for whoever deletes it.
create function payload_gone_by_erasure() returns trigger language plpgsql set search_path = audit_ledger, pg_temp as $$
begin
  if exists (
    select from gone where not exists (
      select from erasure e
      where e.log_id = gone.log_id and gone.sequence between e.first and e.last
        and (not e.ran_out or exists (
          select from entry where entry.log_id = gone.log_id and entry.sequence = gone.sequence and entry.direction is not null))
    ) and not exists (select from pruning p where p.log_id = gone.log_id and gone.sequence < p.below)
  ) then
    raise exception 'DELETE of payload is refused without an erasure: what happened stays written' using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$$;
create trigger payload_erased after delete on payload referencing old table as gone
  for each statement execute function payload_gone_by_erasure();

-- An entry goes only below a pruning.
create function entry_gone_by_pruning() returns trigger language plpgsql set search_path = audit_ledger, pg_temp as $$
begin
  if exists (
    select from gone where not exists (select from pruning p where p.log_id = gone.log_id and gone.sequence < p.below)
  ) then
    raise exception 'DELETE of entry is refused without a pruning: what happened stays written' using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$$;
create trigger entry_pruned after delete on entry referencing old table as gone
  for each statement execute function entry_gone_by_pruning();

-- What was signed of a size that was pruned goes with the entries; that of the pruned size itself stays.
create function signed_gone_by_pruning() returns trigger language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off as $$
begin
  if not exists (select from pruning p where p.log_id = old.log_id and p.below > old.size) then
    raise exception 'DELETE of % is refused without a pruning: what happened stays written', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$$;
create trigger checkpoint_pruned before delete on checkpoint for each row execute function signed_gone_by_pruning();
create trigger cosignature_pruned before delete on cosignature for each row execute function signed_gone_by_pruning();

-- What was signed of a size below a pruning may be gone: so that there never is a second root of it, none is signed any more.
create function sign_only_what_is_kept() returns trigger language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off as $$
begin
  if exists (select from pruning p where p.log_id = new.log_id and p.below > new.size) then
    raise exception 'size % of log % is pruned: it was signed before', new.size, new.log_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger checkpoint_kept before insert on checkpoint for each row execute function sign_only_what_is_kept();

-- A pruning lies below what another has cosigned, and leaves the end of the log.
create function prune_only_what_is_witnessed() returns trigger language plpgsql set search_path = audit_ledger, pg_temp as $$
begin
  if not exists (select from cosignature c where c.log_id = new.log_id and c.size >= new.below)
    or not exists (select from entry where entry.log_id = new.log_id and entry.sequence >= new.below)
  then
    raise exception 'pruning below % of log % is refused: no witness has cosigned so far', new.below, new.log_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger pruning_witnessed before insert on pruning for each row execute function prune_only_what_is_witnessed();

create trigger entry_unchangeable before update or truncate on entry for each statement execute function refuse_change();
create trigger payload_unchangeable before update or truncate on payload for each statement execute function refuse_change();
create trigger ledger_unchangeable before update or delete or truncate on ledger for each statement execute function refuse_change();
create trigger log_unchangeable before update or delete or truncate on log for each statement execute function refuse_change();
create trigger tile_unchangeable before update or delete or truncate on tile for each statement execute function refuse_change();
create trigger checkpoint_unchangeable before update or truncate on checkpoint for each statement execute function refuse_change();
create trigger cosignature_unchangeable before update or truncate on cosignature for each statement execute function refuse_change();
create trigger ledger_key_unchangeable before update or delete or truncate on ledger_key for each statement execute function refuse_change();
create trigger erasure_unchangeable before update or delete or truncate on erasure for each statement execute function refuse_change();
create trigger pruning_unchangeable before update or delete or truncate on pruning for each statement execute function refuse_change();
create trigger hold_unchangeable before update or delete or truncate on hold for each statement execute function refuse_change();
create trigger database_start_unchangeable before update or delete or truncate on database_start for each statement execute function refuse_change();

-- Whether this is not the database that this ledger was written to last, as far as anybody looked: then peers' logs take no
-- entries, however soon after the start somebody wants to write. Of a ledger that was never opened nothing can be lost.
create function came_back() returns boolean language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off as $$
begin
  return exists (select from database_start) and not exists (
    select from database_start where started_at = pg_postmaster_start_time() and entry_table = 'audit_ledger.entry'::regclass);
end
$$;

-- Takes the turn to write to these logs, in the order given, and says where each ends. Two steps in one call: the second
-- looks after the locks are held, so it sees what those before us have committed.
create function take_ends(names text[], out log_id int, out name text, out size bigint, out leaf_hash bytea, out held boolean)
  returns setof record language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  back boolean;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit_ledger.log.' || one, 0)) from unnest(names) as one;
  back := came_back();
  return query
    select l.id, l.name, coalesce(e.sequence + 1, 0), e.leaf_hash,
      coalesce((select h.held from hold h where h.log_id = l.id order by h.id desc limit 1), false)
        or (l.name <> 'platform' and e.sequence is not null and back)
    from log l
    left join lateral (
      select entry.sequence, entry.leaf_hash from entry where entry.log_id = l.id order by entry.sequence desc limit 1
    ) e on true
    where l.name = any (names);
end
$$;

-- The entry at a place, with the newest checkpoint that a witness has cosigned, or else the newest, if any covers it.
create function covered_entry(
  log_name text, place bigint,
  out log_id int, out leaf bytea, out leaf_hash bytea, out size bigint, out root bytea, out note text, out lines text[]
) returns setof record language plpgsql stable set search_path = audit_ledger, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
begin
  return query
    select l.id, e.leaf, e.leaf_hash, c.size, c.root, c.note,
      array(select s.line from cosignature s where s.log_id = l.id and s.size = c.size order by s.at, s.name)
    from log l join entry e on e.log_id = l.id
    left join lateral (
      select s.size from cosignature s where s.log_id = l.id and s.size > place order by s.size desc limit 1) seen on true
    left join lateral (select n.size from checkpoint n where n.log_id = l.id order by n.size desc limit 1) newest on true
    left join checkpoint c on c.log_id = l.id and c.size = coalesce(seen.size, newest.size) and c.size > place
    where l.name = log_name and e.sequence = place;
end
$$;

-- The first hashes of each of these tiles, packed, as many as asked for: from those that are full where that is wanted, else
-- from what is below. Fewer, or null, where something is missing.
create function tile_hashes(of_log int, levels int[], positions bigint[], widths int[], from_full boolean)
  returns setof bytea language plpgsql stable set search_path = audit_ledger, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set plan_cache_mode = force_generic_plan as $$
begin
  return query
    select coalesce(
      case when from_full then (
        select substr(t.hashes, 1, asked.width * 32) from tile t
        where t.log_id = of_log and t.level = asked.level and t.position = asked.position) end,
      case when asked.level = 0 then (
        select string_agg(e.leaf_hash, '' order by e.sequence) from entry e
        where e.log_id = of_log and e.sequence >= asked.position * 256
          and e.sequence < asked.position * 256 + asked.width)
      else (
        select string_agg(t.root, '' order by t.position) from tile t
        where t.log_id = of_log and t.level = asked.level - 1
          and t.position >= asked.position * 256 and t.position < asked.position * 256 + asked.width) end)
    from unnest(levels, positions, widths) with ordinality as asked (level, position, width, nth)
    order by asked.nth;
end
$$;

-- Writes entries, payloads and tiles, whose bytes come packed: the part of row n begins at its offset, hashes at n * 32.
create function write_entries(
  log_ids int[], sequences bigint[], ids uuid[], actions text[], ats float8[], directions text[], remote_ids uuid[],
  leaf_offsets int[], leaf_lengths int[], leaves bytea, leaf_hashes bytea,
  body_log_ids int[], body_sequences bigint[], disclosures boolean[], body_offsets int[], body_lengths int[], bodies bytea, salts bytea,
  tile_log_ids int[], tile_levels int[], tile_positions bigint[], tile_hashes bytea, tile_roots bytea
) returns void language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  insert into entry (log_id, sequence, id, action, at, direction, remote_id, leaf, leaf_hash)
  select e.log_id, e.sequence, e.id, e.action, to_timestamp(e.at / 1000), e.direction, e.remote_id,
    substr(leaves, e.leaf_offset, e.leaf_length), substr(leaf_hashes, (e.n::int - 1) * 32 + 1, 32)
  from unnest(log_ids, sequences, ids, actions, ats, directions, remote_ids, leaf_offsets, leaf_lengths)
    with ordinality as e (log_id, sequence, id, action, at, direction, remote_id, leaf_offset, leaf_length, n);
  if cardinality(body_log_ids) > 0 then
    insert into payload (log_id, sequence, salt, body, disclosed)
    select p.log_id, p.sequence, substr(salts, (p.n::int - 1) * 16 + 1, 16),
      convert_from(substr(bodies, p.body_offset, p.body_length), 'UTF8'), p.disclosed
    from unnest(body_log_ids, body_sequences, disclosures, body_offsets, body_lengths)
      with ordinality as p (log_id, sequence, disclosed, body_offset, body_length, n);
  end if;
  if cardinality(tile_log_ids) > 0 then
    insert into tile (log_id, level, position, hashes, root)
    select t.log_id, t.level, t.position, substr(tile_hashes, (t.n::int - 1) * 8192 + 1, 8192),
      substr(tile_roots, (t.n::int - 1) * 32 + 1, 32)
    from unnest(tile_log_ids, tile_levels, tile_positions) with ordinality as t (log_id, level, position, n);
  end if;
end
$$;

-- Takes the turn and writes, in one call, provided that each of these logs ends where the writer believes, and takes entries.
-- False, and nothing written, when that is not so, or the database came back from somewhere.
create function write_at_ends(
  names text[], end_ids int[], end_sizes bigint[], end_hashes bytea,
  log_ids int[], sequences bigint[], ids uuid[], actions text[], ats float8[], directions text[], remote_ids uuid[],
  leaf_offsets int[], leaf_lengths int[], leaves bytea, leaf_hashes bytea,
  body_log_ids int[], body_sequences bigint[], disclosures boolean[], body_offsets int[], body_lengths int[], bodies bytea, salts bytea,
  tile_log_ids int[], tile_levels int[], tile_positions bigint[], tile_hashes bytea, tile_roots bytea
) returns boolean language plpgsql set search_path = audit_ledger, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('audit_ledger.log.' || one, 0)) from unnest(names) as one;
  if came_back() then
    return false;
  end if;
  for n in 1 .. cardinality(end_ids) loop
    if not exists (
        select from entry where log_id = end_ids[n] and sequence = end_sizes[n] - 1
          and leaf_hash = substr(end_hashes, (n - 1) * 32 + 1, 32))
      or exists (select from entry where log_id = end_ids[n] and sequence = end_sizes[n])
      or coalesce((select held from hold where log_id = end_ids[n] order by id desc limit 1), false)
    then
      return false;
    end if;
  end loop;
  perform write_entries(
    log_ids, sequences, ids, actions, ats, directions, remote_ids, leaf_offsets, leaf_lengths, leaves, leaf_hashes,
    body_log_ids, body_sequences, disclosures, body_offsets, body_lengths, bodies, salts,
    tile_log_ids, tile_levels, tile_positions, tile_hashes, tile_roots);
  return true;
end
$$;

-- The service role deletes nothing by itself: these do, and the triggers above demand the statement that allows it.
create function erase_payloads(erasures bigint[]) returns bigint
  language sql security definer set search_path = audit_ledger, pg_temp
begin atomic
  with gone as (
    delete from payload p using erasure e
    where e.id = any (erasures) and p.log_id = e.log_id and p.sequence between e.first and e.last
      and (not e.ran_out or exists (
        select from entry where entry.log_id = p.log_id and entry.sequence = p.sequence and entry.direction is not null))
    returning 1
  )
  select count(*) from gone;
end;

-- A bounded batch of what the newest pruning of a log allows; returns how many rows of its entries and checkpoints went.
create function drop_pruned(of_log int, at_most int) returns bigint
  language sql security definer set search_path = audit_ledger, pg_temp
begin atomic
  with old as (
    select sequence from entry
    where log_id = of_log and sequence < (select max(below) from pruning where log_id = of_log)
    order by sequence limit at_most
  ), bodies as (
    delete from payload using old where payload.log_id = of_log and payload.sequence = old.sequence returning 1
  ), gone as (
    delete from entry using old where entry.log_id = of_log and entry.sequence = old.sequence returning 1
  ), unsaid as (
    select size from checkpoint
    where log_id = of_log and size < (select max(below) from pruning where log_id = of_log)
    order by size limit at_most
  ), seen as (
    delete from cosignature using unsaid where cosignature.log_id = of_log and cosignature.size = unsaid.size returning 1
  ), signed as (
    delete from checkpoint using unsaid where checkpoint.log_id = of_log and checkpoint.size = unsaid.size returning 1
  )
  select (select count(*) from gone) + (select count(*) from signed);
end;
revoke execute on function erase_payloads(bigint[]), drop_pruned(int, int) from public;

grant usage on schema audit_ledger to audit_ledger;
grant select, insert on ledger, log, entry, payload, tile, checkpoint, cosignature, ledger_key, erasure, pruning, hold, database_start to audit_ledger;
grant execute on function came_back, take_ends, covered_entry, tile_hashes, write_entries, write_at_ends, erase_payloads, drop_pruned to audit_ledger;
