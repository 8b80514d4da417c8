-- breaking: no

-- libs/feed: how far each feed of this schema has come, and who tells of it.
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

-- The feed "policy": what peers may do, for the gateways. A row carries the epoch of its last change that they are told
-- of; what only we keep (that somebody was reminded, that a bearer arrived) costs no epoch.
alter table federation_grant add column epoch bigint not null default 0;
alter table network_bridge add column epoch bigint not null default 0;
alter table grant_settings add column epoch bigint not null default 0;
create index federation_grant_by_epoch on federation_grant (epoch, id);
create index network_bridge_by_epoch on network_bridge (epoch, id);
create index federation_grant_told on federation_grant (id) where archived_at is null;

create trigger grant_fed_when_new before insert on federation_grant
  for each row execute function feed_stamp('policy');
create trigger grant_fed before update on federation_grant for each row when (
  (old.scopes, old.node_instance_ids, old.sdwan_network_ids, old.source_cidrs, old.bound_identities, old.expires_at)
    is distinct from
    (new.scopes, new.node_instance_ids, new.sdwan_network_ids, new.source_cidrs, new.bound_identities, new.expires_at)
  or (old.revoked_at, old.archived_at) is distinct from (new.revoked_at, new.archived_at)
) execute function feed_stamp('policy');
create trigger bridge_fed before insert or update on network_bridge
  for each row execute function feed_stamp('policy');
create trigger settings_fed before insert or update on grant_settings
  for each row execute function feed_stamp('policy');

grant select on feed_epoch to grant_authz;
grant select, insert, update, delete on feed_replica to grant_authz;
