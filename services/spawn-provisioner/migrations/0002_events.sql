-- breaking: no

-- What we announce (libs/events): queued with the change, published after it.
create table outbox (
  position bigint generated always as identity primary key,
  id uuid not null unique,
  subject text not null check (subject ~ '^fed(\.[A-Za-z0-9_-]+){3}$'),
  event bytea not null,
  queued_at timestamptz not null,
  published_at timestamptz,
  signed_by text,
  signed_under text
);
create index outbox_waiting on outbox (position) where published_at is null;
create index outbox_kept on outbox (published_at) where published_at is not null;

create table outbox_stream (
  stream text primary key,
  created text not null,
  last_sequence bigint not null,
  last_event uuid
);

grant select, insert, update, delete on outbox to spawn_provisioner;
grant select, insert, update on outbox_stream to spawn_provisioner;

-- What we heard.
create table inbox (
  consumer text not null,
  event_id uuid not null,
  handled_at timestamptz not null,
  signed_at timestamptz not null,
  primary key (consumer, event_id)
);
create index inbox_handled_at on inbox (handled_at);

create table dead_letter (
  consumer text not null,
  letter_id text not null,
  subject text not null,
  reason text not null,
  detail text not null,
  message bytea not null,
  buried_at timestamptz not null,
  primary key (consumer, letter_id)
);

grant select, insert, delete on inbox to spawn_provisioner;
grant select, insert on dead_letter to spawn_provisioner;
