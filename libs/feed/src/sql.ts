/**
 * What a schema needs to feed: MUST stand, word for word, in one of its migrations.
 *
 * Each table that is told of has a column `epoch bigint not null default 0`, an index on it, and
 *
 *     create trigger grant_fed before insert or update on grant_ for each row execute function feed_stamp('policy');
 *
 * so that whatever changes a row is told, also by hand. Nobody sees an epoch before all the lower ones: it is drawn
 * under a lock that is let go after the commit. The epochs are written by these functions alone; a service reads them.
 */
export const FEED_SQL = `-- libs/feed: how far each feed of this schema has come, and who tells of it.
create table feed_epoch (
  feed text not null,
  epoch bigint not null check (epoch >= 1),
  -- Tells this history from another with the same numbers: a database put back from a backup.
  mark bytea not null check (length(mark) = 16),
  primary key (feed, epoch)
);

create table feed_replica (
  id uuid primary key,
  feed text not null,
  -- Every reader of this replica that may still act has in force what had committed up to here.
  acknowledged bigint not null,
  -- Counts up while the replica lives.
  beats bigint not null,
  leaving boolean not null,
  -- How long its ticks are good, in milliseconds.
  lease_ms integer not null check (lease_ms between 1 and 5000)
);

create function feed_epoch(feed_name text) returns bigint
language plpgsql set search_path from current as $$
declare
  drawn bigint := nullif(current_setting('powernode_feed.' || feed_name, true), '');
begin
  if drawn is not null then
    return drawn;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(current_schema() || '.feed.' || feed_name, 0));
  begin
    insert into feed_epoch (feed, epoch, mark)
      select feed_name, coalesce(max(epoch), 0) + 1, uuid_send(gen_random_uuid()) from feed_epoch where feed = feed_name
      returning epoch into drawn;
  exception when unique_violation then
    -- A snapshot older than the last epoch (repeatable read): begun anew it will succeed.
    raise exception 'the feed has gone on since this transaction began' using errcode = 'serialization_failure';
  end;
  delete from feed_epoch where feed = feed_name and epoch <= drawn - 100000;
  perform set_config('powernode_feed.' || feed_name, drawn::text, true);
  perform pg_notify(current_schema() || '_feed', feed_name);
  return drawn;
end
$$;

create function feed_stamp() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  new.epoch := feed_epoch(tg_argv[0]);
  return new;
end
$$;
`

/** The channel that FEED_SQL rings; its payload is the name of the feed. */
export const channelOf = (schema: string): string => `${schema}_feed`
