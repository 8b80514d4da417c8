-- breaking: no

-- What we tell partners about ourselves, and they us, that nobody may deny later (social contract, commitments 4 and 9).
create table notice (
  id uuid primary key,
  kind text not null check (kind in ('compromise', 'revocation')),
  direction text not null check (direction in ('sent', 'received')),
  -- Of a compromise: its id at the sender's.
  sender_id uuid,
  -- Who sent it; of a revocation that we sent, whose peering ended. What we declare concerns every partner.
  peer_id uuid references peer (id),
  summary text not null,
  affected jsonb not null default '[]',
  advice text not null default '',
  discovered_at timestamptz,
  declared_at timestamptz not null,
  due_at timestamptz,
  declared_by text not null,
  -- Of a received one: what they said and what we answered, word for word.
  received_at timestamptz,
  statement bytea,
  receipt bytea,
  constraint notice_compromise_is_due check (
    (kind = 'compromise') = (discovered_at is not null and due_at is not null and sender_id is not null)
  ),
  constraint notice_is_of_a_peer check ((peer_id is null) = (direction = 'sent' and kind = 'compromise')),
  constraint notice_received_is_proven check (
    (direction = 'received') = (received_at is not null and statement is not null and receipt is not null)
  )
);
create unique index notice_received_once on notice (peer_id, sender_id) where direction = 'received';
create unique index notice_revocation_once on notice (peer_id, direction) where kind = 'revocation';

-- Who has heard a notice of ours.
create table notice_delivery (
  notice_id uuid not null references notice (id),
  peer_id uuid not null references peer (id),
  status text not null check (status in ('owed', 'delivered', 'given_up')),
  -- How often it was tried until it was settled; while it is owed the errand counts.
  attempts integer not null default 0 check (attempts >= 0),
  last_error text not null default '',
  settled_at timestamptz,
  -- What was said, and the receipt under their identity key.
  statement bytea,
  receipt bytea,
  primary key (notice_id, peer_id),
  constraint notice_delivery_settled_is_dated check ((status = 'owed') = (settled_at is null)),
  constraint notice_delivery_receipt_is_of_something check (
    receipt is null or (status = 'delivered' and statement is not null)
  )
);
create index notice_delivery_owed on notice_delivery (peer_id) where status = 'owed';

-- What was heard was heard, and what they answered stays their answer.
create function guard_notice_delivery() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status <> 'owed' and new is distinct from old then
    raise exception 'what became of notice % is settled', old.notice_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger notice_delivery_guarded before update on notice_delivery
  for each row execute function guard_notice_delivery();

grant select, insert on notice to peer_registry;
grant select, insert, update on notice_delivery to peer_registry;
