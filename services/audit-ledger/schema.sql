-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema audit_ledger to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.append_only_at_the_end()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.came_back()
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
begin
  return exists (select from database_start) and not exists (
    select from database_start where started_at = pg_postmaster_start_time() and entry_table = 'audit_ledger.entry'::regclass);
end
$function$;
grant execute on function came_back() to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.covered_entry(log_name text, place bigint, OUT log_id integer, OUT leaf bytea, OUT leaf_hash bytea, OUT size bigint, OUT root bytea, OUT note text, OUT lines text[])
 RETURNS SETOF record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$;
grant execute on function covered_entry(text,bigint) to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.drop_pruned(of_log integer, at_most integer)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'audit_ledger', 'pg_temp'
BEGIN ATOMIC
 WITH old AS (
          SELECT entry.sequence
            FROM entry
           WHERE ((entry.log_id = drop_pruned.of_log) AND (entry.sequence < ( SELECT max(pruning.below) AS max
                    FROM pruning
                   WHERE (pruning.log_id = drop_pruned.of_log))))
           ORDER BY entry.sequence
          LIMIT drop_pruned.at_most
         ), bodies AS (
          DELETE FROM payload
            USING old
           WHERE ((payload.log_id = drop_pruned.of_log) AND (payload.sequence = old.sequence))
           RETURNING 1 AS "?column?"
         ), gone AS (
          DELETE FROM entry
            USING old
           WHERE ((entry.log_id = drop_pruned.of_log) AND (entry.sequence = old.sequence))
           RETURNING 1 AS "?column?"
         ), unsaid AS (
          SELECT checkpoint.size
            FROM checkpoint
           WHERE ((checkpoint.log_id = drop_pruned.of_log) AND (checkpoint.size < ( SELECT max(pruning.below) AS max
                    FROM pruning
                   WHERE (pruning.log_id = drop_pruned.of_log))))
           ORDER BY checkpoint.size
          LIMIT drop_pruned.at_most
         ), seen AS (
          DELETE FROM cosignature
            USING unsaid
           WHERE ((cosignature.log_id = drop_pruned.of_log) AND (cosignature.size = unsaid.size))
           RETURNING 1 AS "?column?"
         ), signed AS (
          DELETE FROM checkpoint
            USING unsaid
           WHERE ((checkpoint.log_id = drop_pruned.of_log) AND (checkpoint.size = unsaid.size))
           RETURNING 1 AS "?column?"
         )
  SELECT (( SELECT count(*) AS count
            FROM gone) + ( SELECT count(*) AS count
            FROM signed));
END;
grant execute on function drop_pruned(integer,integer) to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.entry_gone_by_pruning()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
AS $function$
begin
  if exists (
    select from gone where not exists (select from pruning p where p.log_id = gone.log_id and gone.sequence < p.below)
  ) then
    raise exception 'DELETE of entry is refused without a pruning: what happened stays written' using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.erase_payloads(erasures bigint[])
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'audit_ledger', 'pg_temp'
BEGIN ATOMIC
 WITH gone AS (
          DELETE FROM payload p
            USING erasure e
           WHERE ((e.id = ANY (erase_payloads.erasures)) AND (p.log_id = e.log_id) AND ((p.sequence >= e.first) AND (p.sequence <= e.last)) AND ((NOT e.ran_out) OR (EXISTS ( SELECT
                    FROM entry
                   WHERE ((entry.log_id = p.log_id) AND (entry.sequence = p.sequence) AND (entry.direction IS NOT NULL))))))
           RETURNING 1 AS "?column?"
         )
  SELECT count(*) AS count
    FROM gone;
END;
grant execute on function erase_payloads(bigint[]) to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.mirror_only_at_the_end()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.payload_gone_by_erasure()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.prune_only_what_is_witnessed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
AS $function$
begin
  if not exists (select from cosignature c where c.log_id = new.log_id and c.size >= new.below)
    or not exists (select from entry where entry.log_id = new.log_id and entry.sequence >= new.below)
  then
    raise exception 'pruning below % of log % is refused: no witness has cosigned so far', new.below, new.log_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  raise exception '% of % is refused: what happened stays written', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.sign_only_what_is_kept()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
begin
  if exists (select from pruning p where p.log_id = new.log_id and p.below > new.size) then
    raise exception 'size % of log % is pruned: it was signed before', new.size, new.log_id using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.signed_gone_by_pruning()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
begin
  if not exists (select from pruning p where p.log_id = old.log_id and p.below > old.size) then
    raise exception 'DELETE of % is refused without a pruning: what happened stays written', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$function$;

CREATE OR REPLACE FUNCTION audit_ledger.take_ends(names text[], OUT log_id integer, OUT name text, OUT size bigint, OUT leaf_hash bytea, OUT held boolean)
 RETURNS SETOF record
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;
grant execute on function take_ends(text[]) to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.tile_hashes(of_log integer, levels integer[], positions bigint[], widths integer[], from_full boolean)
 RETURNS SETOF bytea
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$;
grant execute on function tile_hashes(integer,integer[],bigint[],integer[],boolean) to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.write_at_ends(names text[], end_ids integer[], end_sizes bigint[], end_hashes bytea, log_ids integer[], sequences bigint[], ids uuid[], actions text[], ats double precision[], directions text[], remote_ids uuid[], leaf_offsets integer[], leaf_lengths integer[], leaves bytea, leaf_hashes bytea, body_log_ids integer[], body_sequences bigint[], disclosures boolean[], body_offsets integer[], body_lengths integer[], bodies bytea, salts bytea, tile_log_ids integer[], tile_levels integer[], tile_positions bigint[], tile_hashes bytea, tile_roots bytea)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;
grant execute on function write_at_ends(text[],integer[],bigint[],bytea,integer[],bigint[],uuid[],text[],double precision[],text[],uuid[],integer[],integer[],bytea,bytea,integer[],bigint[],boolean[],integer[],integer[],bytea,bytea,integer[],integer[],bigint[],bytea,bytea) to audit_ledger;

CREATE OR REPLACE FUNCTION audit_ledger.write_entries(log_ids integer[], sequences bigint[], ids uuid[], actions text[], ats double precision[], directions text[], remote_ids uuid[], leaf_offsets integer[], leaf_lengths integer[], leaves bytea, leaf_hashes bytea, body_log_ids integer[], body_sequences bigint[], disclosures boolean[], body_offsets integer[], body_lengths integer[], bodies bytea, salts bytea, tile_log_ids integer[], tile_levels integer[], tile_positions bigint[], tile_hashes bytea, tile_roots bytea)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'audit_ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;
grant execute on function write_entries(integer[],bigint[],uuid[],text[],double precision[],text[],uuid[],integer[],integer[],bytea,bytea,integer[],bigint[],boolean[],integer[],integer[],bytea,bytea,integer[],integer[],bigint[],bytea,bytea) to audit_ledger;

create table alarm (
  id uuid not null,
  peer_id uuid,
  whose text not null,
  kind text not null,
  at timestamp with time zone not null,
  detail text not null,
  first_note text not null,
  second_note text not null,
  constraint alarm_pkey PRIMARY KEY (id),
  constraint alarm_kind_check CHECK ((kind = ANY (ARRAY['fork'::text, 'rollback'::text, 'unsigned'::text, 'files'::text, 'worm'::text]))),
  constraint alarm_whose_check CHECK ((whose = ANY (ARRAY['theirs'::text, 'ours'::text])))
);
CREATE INDEX alarm_by_peer ON audit_ledger.alarm USING btree (peer_id, at);
CREATE TRIGGER alarm_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.alarm FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on alarm to audit_ledger;

create table checkpoint (
  log_id integer not null,
  size bigint not null,
  root bytea not null,
  note text not null,
  signed_at timestamp with time zone not null,
  constraint checkpoint_pkey PRIMARY KEY (log_id, size),
  constraint checkpoint_log_id_fkey FOREIGN KEY (log_id) REFERENCES log(id),
  constraint checkpoint_root_check CHECK ((length(root) = 32)),
  constraint checkpoint_size_check CHECK ((size >= 1))
);
CREATE INDEX checkpoint_by_signed_at ON audit_ledger.checkpoint USING btree (signed_at);
CREATE TRIGGER checkpoint_kept BEFORE INSERT ON audit_ledger.checkpoint FOR EACH ROW EXECUTE FUNCTION sign_only_what_is_kept();
CREATE TRIGGER checkpoint_pruned BEFORE DELETE ON audit_ledger.checkpoint FOR EACH ROW EXECUTE FUNCTION signed_gone_by_pruning();
CREATE TRIGGER checkpoint_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on checkpoint to audit_ledger;

create table copied (
  log_id integer not null,
  place text not null,
  size bigint not null,
  at timestamp with time zone not null,
  constraint copied_pkey PRIMARY KEY (log_id, place),
  constraint copied_log_id_fkey FOREIGN KEY (log_id) REFERENCES log(id),
  constraint copied_place_check CHECK ((place = ANY (ARRAY['files'::text, 'worm'::text])))
);
grant insert, select, update on copied to audit_ledger;

create table cosignature (
  log_id integer not null,
  size bigint not null,
  name text not null,
  key_id bytea not null,
  line text not null,
  at timestamp with time zone not null,
  constraint cosignature_pkey PRIMARY KEY (log_id, size, name, key_id),
  constraint cosignature_log_id_size_fkey FOREIGN KEY (log_id, size) REFERENCES checkpoint(log_id, size),
  constraint cosignature_key_id_check CHECK ((length(key_id) = 4))
);
CREATE TRIGGER cosignature_pruned BEFORE DELETE ON audit_ledger.cosignature FOR EACH ROW EXECUTE FUNCTION signed_gone_by_pruning();
CREATE TRIGGER cosignature_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.cosignature FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on cosignature to audit_ledger;

create table database_start (
  started_at timestamp with time zone not null,
  entry_table oid not null,
  noticed_at timestamp with time zone not null,
  constraint database_start_pkey PRIMARY KEY (started_at, entry_table)
);
CREATE TRIGGER database_start_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.database_start FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on database_start to audit_ledger;

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
grant insert, select on dead_letter to audit_ledger;

create table endorsement (
  sequence bigint not null,
  log_public_key bytea not null,
  witness_public_key bytea not null,
  statement bytea not null,
  at timestamp with time zone not null,
  constraint endorsement_pkey PRIMARY KEY (sequence),
  constraint endorsement_log_public_key_check CHECK ((length(log_public_key) = 32)),
  constraint endorsement_sequence_check CHECK ((sequence >= 1)),
  constraint endorsement_witness_public_key_check CHECK ((length(witness_public_key) = 32))
);
CREATE TRIGGER endorsement_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.endorsement FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on endorsement to audit_ledger;

create table entry (
  log_id integer not null,
  sequence bigint not null,
  id uuid not null,
  action text not null,
  at timestamp with time zone not null,
  direction text,
  remote_id uuid,
  leaf bytea not null,
  leaf_hash bytea not null,
  constraint entry_pkey PRIMARY KEY (log_id, sequence),
  constraint entry_id_once UNIQUE (id),
  constraint entry_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text]))),
  constraint entry_leaf_check CHECK ((length(leaf) <= 65535)),
  constraint entry_leaf_hash_is_right CHECK ((leaf_hash = sha256(('\x00'::bytea || leaf)))),
  constraint entry_sequence_check CHECK ((sequence >= 0))
);
CREATE INDEX entry_by_remote_id ON audit_ledger.entry USING btree (remote_id) WHERE (remote_id IS NOT NULL);
CREATE INDEX entry_call_by_at ON audit_ledger.entry USING btree (at, id) WHERE (direction IS NOT NULL);
CREATE INDEX entry_call_by_log ON audit_ledger.entry USING btree (log_id, at, id) WHERE (direction IS NOT NULL);
CREATE TRIGGER entry_appended AFTER INSERT ON audit_ledger.entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION append_only_at_the_end();
CREATE TRIGGER entry_pruned AFTER DELETE ON audit_ledger.entry REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION entry_gone_by_pruning();
CREATE TRIGGER entry_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on entry to audit_ledger;

create table erasure (
  id bigint not null generated always as identity,
  log_id integer not null,
  first bigint not null,
  last bigint not null,
  ran_out boolean not null,
  at timestamp with time zone not null,
  actor text not null,
  reason text not null,
  recorded_at bigint,
  constraint erasure_pkey PRIMARY KEY (id),
  constraint erasure_log_id_fkey FOREIGN KEY (log_id) REFERENCES log(id),
  constraint erasure_check CHECK ((last >= first)),
  constraint erasure_is_recorded CHECK ((ran_out OR (recorded_at IS NOT NULL))),
  constraint erasure_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 256)))
);
CREATE INDEX erasure_by_log ON audit_ledger.erasure USING btree (log_id, first, last);
CREATE INDEX erasure_ran_out ON audit_ledger.erasure USING btree (log_id, last) WHERE ran_out;
CREATE TRIGGER erasure_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.erasure FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on erasure to audit_ledger;

create table event (
  "position" bigint not null generated always as identity,
  id uuid not null,
  kind text not null,
  severity text not null,
  source text not null,
  peer_id text not null,
  actor text not null,
  at timestamp with time zone not null,
  correlation_id text not null,
  payload jsonb not null,
  constraint event_pkey PRIMARY KEY ("position"),
  constraint event_id_key UNIQUE (id),
  constraint event_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])))
);
CREATE INDEX event_by_kind ON audit_ledger.event USING btree (kind text_pattern_ops, "position");
CREATE INDEX event_by_peer ON audit_ledger.event USING btree (peer_id, "position");
CREATE INDEX event_by_severity ON audit_ledger.event USING btree (severity, "position");
CREATE INDEX event_running_out ON audit_ledger.event USING btree (severity, at);
CREATE TRIGGER event_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant delete, insert, select on event to audit_ledger;

create table hold (
  id bigint not null generated always as identity,
  log_id integer not null,
  held boolean not null,
  reason text not null,
  at timestamp with time zone not null,
  constraint hold_pkey PRIMARY KEY (id),
  constraint hold_log_id_fkey FOREIGN KEY (log_id) REFERENCES log(id)
);
CREATE INDEX hold_by_log ON audit_ledger.hold USING btree (log_id, id);
CREATE TRIGGER hold_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.hold FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on hold to audit_ledger;

create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamp with time zone not null,
  signed_at timestamp with time zone not null,
  constraint inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON audit_ledger.inbox USING btree (handled_at);
grant insert, select on inbox to audit_ledger;

create table ledger (
  only_one boolean not null default true,
  trust_domain text not null,
  opened_at timestamp with time zone not null,
  constraint ledger_pkey PRIMARY KEY (only_one),
  constraint ledger_only_one_check CHECK (only_one),
  constraint ledger_trust_domain_check CHECK (((length(trust_domain) >= 1) AND (length(trust_domain) <= 128)))
);
CREATE TRIGGER ledger_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on ledger to audit_ledger;

create table ledger_key (
  use text not null,
  generation integer not null,
  public_key bytea not null,
  sealed bytea not null,
  made_at timestamp with time zone not null,
  constraint ledger_key_pkey PRIMARY KEY (use, generation),
  constraint ledger_key_generation_check CHECK ((generation >= 1)),
  constraint ledger_key_public_key_check CHECK ((length(public_key) = 32)),
  constraint ledger_key_use_check CHECK ((use = ANY (ARRAY['log'::text, 'witness'::text])))
);
CREATE TRIGGER ledger_key_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.ledger_key FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on ledger_key to audit_ledger;

create table log (
  id integer not null generated always as identity,
  name text not null,
  origin text not null,
  opened_at timestamp with time zone not null,
  constraint log_pkey PRIMARY KEY (id),
  constraint log_name_key UNIQUE (name),
  constraint log_origin_key UNIQUE (origin),
  constraint log_name_check CHECK (((length(name) >= 1) AND (length(name) <= 64))),
  constraint log_origin_check CHECK (((length(origin) >= 1) AND (length(origin) <= 255)))
);
CREATE TRIGGER log_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on log to audit_ledger;

create table mirror_entry (
  peer_id uuid not null,
  sequence bigint not null,
  at timestamp with time zone not null,
  direction text,
  allowed boolean,
  content_id text,
  resource text,
  leaf bytea not null,
  leaf_hash bytea not null,
  constraint mirror_entry_pkey PRIMARY KEY (peer_id, sequence),
  constraint mirror_call_has_outcome CHECK (((direction IS NULL) = (allowed IS NULL))),
  constraint mirror_entry_direction_check CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text]))),
  constraint mirror_entry_leaf_check CHECK ((length(leaf) <= 65535)),
  constraint mirror_entry_sequence_check CHECK ((sequence >= 0)),
  constraint mirror_leaf_hash_is_right CHECK ((leaf_hash = sha256(('\x00'::bytea || leaf))))
);
CREATE INDEX mirror_call_by_at ON audit_ledger.mirror_entry USING btree (peer_id, at) WHERE (direction IS NOT NULL);
CREATE TRIGGER mirror_entry_appended AFTER INSERT ON audit_ledger.mirror_entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION mirror_only_at_the_end();
CREATE TRIGGER mirror_entry_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.mirror_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on mirror_entry to audit_ledger;

create table mirror_head (
  peer_id uuid not null,
  size bigint not null,
  root bytea not null,
  bytes bigint not null,
  checkpoint text not null,
  checkpoint_size bigint not null,
  at timestamp with time zone not null,
  constraint mirror_head_pkey PRIMARY KEY (peer_id, size),
  constraint mirror_head_check CHECK ((checkpoint_size >= size)),
  constraint mirror_head_root_check CHECK ((length(root) = 32)),
  constraint mirror_head_size_check CHECK ((size >= 1))
);
CREATE INDEX mirror_head_by_at ON audit_ledger.mirror_head USING btree (peer_id, at);
CREATE INDEX mirror_head_whole ON audit_ledger.mirror_head USING btree (peer_id, size) WHERE (checkpoint_size = size);
CREATE TRIGGER mirror_head_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.mirror_head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on mirror_head to audit_ledger;

create table mirror_payload (
  peer_id uuid not null,
  sequence bigint not null,
  salt bytea not null,
  body bytea not null,
  constraint mirror_payload_pkey PRIMARY KEY (peer_id, sequence),
  constraint mirror_payload_salt_check CHECK ((length(salt) = 16))
);
CREATE TRIGGER mirror_payload_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.mirror_payload FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on mirror_payload to audit_ledger;

create table mirror_tile (
  peer_id uuid not null,
  level integer not null,
  "position" bigint not null,
  hashes bytea not null,
  root bytea not null,
  constraint mirror_tile_pkey PRIMARY KEY (peer_id, level, "position"),
  constraint mirror_tile_hashes_check CHECK ((length(hashes) = 8192)),
  constraint mirror_tile_level_check CHECK (((level >= 0) AND (level <= 7))),
  constraint mirror_tile_position_check CHECK (("position" >= 0)),
  constraint mirror_tile_root_check CHECK ((length(root) = 32))
);
CREATE TRIGGER mirror_tile_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.mirror_tile FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on mirror_tile to audit_ledger;

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
CREATE INDEX outbox_kept ON audit_ledger.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON audit_ledger.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to audit_ledger;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to audit_ledger;

create table payload (
  log_id integer not null,
  sequence bigint not null,
  salt bytea not null,
  body text not null,
  disclosed boolean not null,
  constraint payload_pkey PRIMARY KEY (log_id, sequence),
  constraint payload_salt_check CHECK ((length(salt) = 16))
);
CREATE TRIGGER payload_erased AFTER DELETE ON audit_ledger.payload REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION payload_gone_by_erasure();
CREATE TRIGGER payload_unchangeable BEFORE UPDATE OR TRUNCATE ON audit_ledger.payload FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on payload to audit_ledger;

create table peer_keys (
  peer_id uuid not null,
  sequence bigint not null,
  trust_domain text not null,
  origin text not null,
  origin_sha256 bytea not null,
  log_public_key bytea not null,
  witness_public_key bytea not null,
  statement bytea not null,
  at timestamp with time zone not null,
  constraint peer_keys_pkey PRIMARY KEY (peer_id, sequence),
  constraint peer_keys_log_public_key_check CHECK ((length(log_public_key) = 32)),
  constraint peer_keys_origin_check CHECK (((length(origin) >= 1) AND (length(origin) <= 512))),
  constraint peer_keys_origin_sha256_check CHECK ((length(origin_sha256) = 32)),
  constraint peer_keys_sequence_check CHECK ((sequence >= 1)),
  constraint peer_keys_witness_public_key_check CHECK ((length(witness_public_key) = 32))
);
CREATE INDEX peer_keys_by_origin ON audit_ledger.peer_keys USING btree (origin_sha256);
CREATE TRIGGER peer_keys_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.peer_keys FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on peer_keys to audit_ledger;

create table pruning (
  log_id integer not null,
  below bigint not null,
  statement text not null,
  at timestamp with time zone not null,
  constraint pruning_pkey PRIMARY KEY (log_id, below),
  constraint pruning_log_id_fkey FOREIGN KEY (log_id) REFERENCES log(id),
  constraint pruning_below_check CHECK (((below > 0) AND ((below % (256)::bigint) = 0)))
);
CREATE TRIGGER pruning_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.pruning FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pruning_witnessed BEFORE INSERT ON audit_ledger.pruning FOR EACH ROW EXECUTE FUNCTION prune_only_what_is_witnessed();
grant insert, select on pruning to audit_ledger;

create table reconciliation (
  peer_id uuid not null,
  at timestamp with time zone not null,
  compared_until timestamp with time zone not null,
  matched bigint not null,
  missing_here bigint not null,
  missing_there bigint not null,
  differing bigint not null,
  pending bigint not null,
  constraint reconciliation_pkey PRIMARY KEY (peer_id, at)
);
CREATE TRIGGER reconciliation_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.reconciliation FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on reconciliation to audit_ledger;

create table regression (
  peer_id uuid not null,
  origin text not null,
  witnessed_size bigint not null,
  size bigint not null,
  note text not null,
  at timestamp with time zone not null,
  constraint regression_pkey PRIMARY KEY (peer_id, origin, witnessed_size),
  constraint regression_check CHECK ((size < witnessed_size))
);
CREATE TRIGGER regression_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.regression FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on regression to audit_ledger;

create table settlement (
  alarm_id uuid not null,
  at timestamp with time zone not null,
  by text not null,
  note text not null,
  constraint settlement_pkey PRIMARY KEY (alarm_id),
  constraint settlement_alarm_id_fkey FOREIGN KEY (alarm_id) REFERENCES alarm(id),
  constraint settlement_note_check CHECK (((length(note) >= 1) AND (length(note) <= 256)))
);
CREATE TRIGGER settlement_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.settlement FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on settlement to audit_ledger;

create table shipment (
  log_id integer not null,
  size bigint not null default 0,
  caught_up_at timestamp with time zone,
  attempts integer not null default 0,
  next_at timestamp with time zone not null,
  error text not null default ''::text,
  constraint shipment_pkey PRIMARY KEY (log_id),
  constraint shipment_log_id_fkey FOREIGN KEY (log_id) REFERENCES log(id)
);
grant insert, select, update on shipment to audit_ledger;

create table tile (
  log_id integer not null,
  level integer not null,
  "position" bigint not null,
  hashes bytea not null,
  root bytea not null,
  constraint tile_pkey PRIMARY KEY (log_id, level, "position"),
  constraint tile_hashes_check CHECK ((length(hashes) = 8192)),
  constraint tile_level_check CHECK (((level >= 0) AND (level <= 7))),
  constraint tile_position_check CHECK (("position" >= 0)),
  constraint tile_root_check CHECK ((length(root) = 32))
);
CREATE TRIGGER tile_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.tile FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on tile to audit_ledger;

create table witnessed (
  peer_id uuid not null,
  origin text not null,
  size bigint not null,
  root bytea not null,
  note text not null,
  at timestamp with time zone not null,
  constraint witnessed_pkey PRIMARY KEY (peer_id, origin, size),
  constraint witnessed_root_check CHECK ((length(root) = 32)),
  constraint witnessed_size_check CHECK ((size >= 0))
);
CREATE TRIGGER witnessed_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_ledger.witnessed FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on witnessed to audit_ledger;
