-- breaking: no

-- One row: where the catalogue answers for the kinds that no other service serves. Kinds are told as a whole, so its
-- epoch is that of all of them; and it is the lock under which they change.
create table catalogue (
  one boolean primary key default true check (one),
  address text not null default '',
  epoch bigint not null default 0
);

-- The kinds of resources that the inventory declares, and who serves each.
create table resource_kind (
  kind text collate "C" primary key check (kind ~ '^[A-Za-z][A-Za-z0-9_]{0,63}$'),
  extension text not null,
  dependencies text[] not null,
  duplicable boolean not null,
  migratable boolean not null,
  sensitive_fields text[] not null,
  data_class text not null,
  region text collate "C" references region (name),
  writable boolean not null,
  -- False: the inventory no longer has it. Nobody is shown it; its records wait.
  declared boolean not null,
  -- service/<name>; empty: nobody, since the lease of the last ran out.
  service text not null,
  -- host:port of another service's; empty: the catalogue's own.
  address text not null,
  -- Until when another service serves it without saying so again.
  lease_until timestamptz,
  constraint kind_of_another_has_a_lease check ((lease_until is null) = (address = ''))
);
create index resource_kind_leased on resource_kind (lease_until) where lease_until is not null;

create trigger catalogue_told before insert or update on catalogue
  for each row execute function feed_stamp('policy');

create function tell_kinds() returns trigger language plpgsql set search_path from current as $$
begin
  update catalogue set epoch = 0;
  return null;
end
$$;
create trigger resource_kind_told after insert or delete on resource_kind
  for each row execute function tell_kinds();
-- Not for a lease that is merely prolonged: nobody is told of that.
create trigger resource_kind_changed after update on resource_kind
  for each row when (
    (old.sensitive_fields, old.data_class, old.region, old.writable, old.declared, old.service, old.address)
    is distinct from
    (new.sensitive_fields, new.data_class, new.region, new.writable, new.declared, new.service, new.address)
  ) execute function tell_kinds();

-- Counts the changes of records in the order they commit: its row is locked until then.
create table resource_change (
  one boolean primary key default true check (one),
  last bigint not null default 0
);

-- Records of the kinds that no other service owns. A removed one stays, empty: whoever watches has to hear of it, and
-- its revision must not begin again.
create table resource_record (
  kind text collate "C" not null references resource_kind (kind),
  id text collate "C" not null check (id ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$'),
  record jsonb not null,
  region text collate "C" references region (name),
  data_class text not null check (data_class ~ '^([a-z0-9][a-z0-9._-]{0,63})?$'),
  revision bigint not null check (revision > 0),
  updated_at timestamptz not null,
  removed_at timestamptz,
  change bigint not null default 0,
  primary key (kind, id),
  constraint record_is_an_object check (jsonb_typeof(record) = 'object'),
  -- 256 KiB as they are sent, of which spaces between are not counted there.
  constraint record_has_a_size check (octet_length(record::text) <= 524288),
  constraint record_removed_is_empty check (removed_at is null or record = '{}')
);
create index resource_record_by_change on resource_record (kind, change);
create index resource_record_by_region on resource_record (region);

create function count_change() returns trigger language plpgsql set search_path from current as $$
begin
  if tg_op = 'UPDATE' and new.revision <= old.revision then
    raise exception 'the revision of % % has to grow', old.kind, old.id using errcode = 'check_violation';
  end if;
  update resource_change set last = last + 1 returning last into new.change;
  perform pg_notify('grant_authz_resource', new.kind);
  return new;
end
$$;
create trigger resource_record_counted before insert or update on resource_record
  for each row execute function count_change();

insert into catalogue default values;
insert into resource_change default values;

grant select, update on catalogue, resource_change to grant_authz;
grant select, insert, update on resource_kind, resource_record to grant_authz;
