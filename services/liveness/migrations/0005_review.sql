-- breaking: no

-- The FederationManager's reviews, as they were drawn up. Never changed.
create table review (
  id uuid primary key,
  trigger text not null check (trigger in ('weekly', 'on_demand')),
  requested_by text not null,
  started_at timestamptz not null,
  completed_at timestamptz not null check (completed_at >= started_at),
  -- Services that did not answer: their lists are missing.
  unread text[] not null,
  archived_grants integer not null check (archived_grants >= 0)
);
create index review_weekly on review (started_at desc) where trigger = 'weekly';
create index review_by_age on review (completed_at);

create table review_list (
  review_id uuid references review (id) on delete cascade,
  key text check (
    key in (
      'cert_rotation_candidates', 'grants_approaching_expiry', 'grants_overdue_for_review', 'broad_scope_grants',
      'capability_drift', 'unused_grants'
    )
  ),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  -- How many there were; at most 200 of them are kept.
  count integer not null check (count >= jsonb_array_length(items)),
  items jsonb not null check (jsonb_typeof(items) = 'array'),
  primary key (review_id, key)
);

grant select, insert, delete on review, review_list to liveness;
