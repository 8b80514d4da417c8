-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema liveness to liveness;

create table freshness (
  peer_id uuid not null,
  stale_after_ms integer not null,
  last_heard_at timestamp with time zone,
  epoch bigint not null default 0,
  remembered_epoch bigint not null default 0,
  incarnation bytea,
  past_incarnations bytea not null default '\x'::bytea,
  sequence bigint not null default 0,
  last_nonce bytea,
  description_sha256 bytea,
  trust_bundle_sequence bigint not null default 0,
  restored_at timestamp with time zone,
  last_heard_by_them_at timestamp with time zone,
  sent_nonces bytea not null default '\x'::bytea,
  state_there text not null default ''::text,
  clock_offset_ms double precision,
  round_trip_ms double precision,
  next_beat_at timestamp with time zone,
  consecutive_failures integer not null default 0,
  last_error text not null default ''::text,
  last_error_at timestamp with time zone,
  announced text not null default 'unknown'::text,
  announced_at timestamp with time zone,
  silent_at timestamp with time zone,
  bundle_announced_sequence bigint not null default 0,
  bundle_announced_at timestamp with time zone,
  constraint freshness_pkey PRIMARY KEY (peer_id),
  constraint freshness_announced_check CHECK ((announced = ANY (ARRAY['unknown'::text, 'heard'::text, 'silent'::text]))),
  constraint freshness_check CHECK (((announced = 'heard'::text) = (silent_at IS NOT NULL))),
  constraint freshness_past_incarnations_check CHECK ((octet_length(past_incarnations) <= 128)),
  constraint freshness_sent_nonces_check CHECK ((octet_length(sent_nonces) <= 96)),
  constraint freshness_stale_after_ms_check CHECK ((stale_after_ms > 0))
) with (autovacuum_vacuum_cost_limit=2000, autovacuum_vacuum_scale_factor=0.05, fillfactor=70);
CREATE INDEX freshness_deadline ON liveness.freshness USING btree (silent_at) WHERE (announced = 'heard'::text);
grant delete, insert, select, update on freshness to liveness;

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
CREATE INDEX outbox_kept ON liveness.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);
CREATE INDEX outbox_waiting ON liveness.outbox USING btree ("position") WHERE (published_at IS NULL);
grant delete, insert, select, update on outbox to liveness;

create table outbox_stream (
  stream text not null,
  created text not null,
  last_sequence bigint not null,
  last_event uuid,
  constraint outbox_stream_pkey PRIMARY KEY (stream)
);
grant insert, select, update on outbox_stream to liveness;

create table platform (
  one boolean not null default true,
  epoch bigint not null,
  incarnation bytea not null,
  started_at timestamp with time zone not null,
  restored_at timestamp with time zone,
  constraint platform_pkey PRIMARY KEY (one),
  constraint platform_epoch_check CHECK ((epoch >= 1)),
  constraint platform_incarnation_check CHECK ((octet_length(incarnation) = 16)),
  constraint platform_one_check CHECK (one)
);
grant insert, select, update on platform to liveness;
