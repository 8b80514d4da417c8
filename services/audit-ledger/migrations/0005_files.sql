-- breaking: no

-- How far each log has come in its copies outside of the database. Only what we remember of it: the copies themselves say where to go on.
create table copied (
  log_id int references log (id),
  place text check (place in ('files', 'worm')),
  -- Entries: in files, those that the checkpoint there covers; in the stream, those of full segments.
  size bigint not null,
  at timestamptz not null,
  primary key (log_id, place)
);

grant select, insert, update on copied to audit_ledger;
