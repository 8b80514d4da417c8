import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeSchema } from './describe-schema.ts'
import { openDb } from './open-db.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { as, migrationsIn } from './testing/fixtures.ts'

const MIGRATIONS = {
  '0001_everything.sql': `-- breaking: no
create type mood as enum ('low', 'high');
create domain percent as int check (value between 0 and 100);
create sequence ticket;
create table peer (
  id uuid primary key,
  state text not null default 'proposed' check (state in ('proposed', 'active')),
  share percent,
  size bigint generated always as identity,
  twice bigint generated always as (7 * 2) stored,
  unique (state, id)
);
create table "Order" (peer_id uuid not null references peer (id) on delete restrict, note text collate "C");
create unique index one_proposed on peer (state) where state = 'proposed';
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
create trigger append_only before update or delete on peer for each row execute function refuse();
create view active as select id from peer where state = 'active';
grant select, insert on peer to fixture;
grant update (state) on peer to fixture;
grant usage on sequence ticket to fixture;
`,
}

const EXPECTED = `-- What the migrations add up to. Written from the catalogs; compared by a test.
grant usage on schema fixture to fixture;

create type mood as enum ('low', 'high');

create domain percent as integer constraint percent_check CHECK (((VALUE >= 0) AND (VALUE <= 100)));

create sequence ticket as bigint start 1 increment 1 minvalue 1 maxvalue 9223372036854775807 cache 1;
grant usage on sequence ticket to fixture;

CREATE OR REPLACE FUNCTION fixture.refuse()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin raise exception 'never'; end $function$;

create table "Order" (
  peer_id uuid not null,
  note text collate "C",
  constraint "Order_peer_id_fkey" FOREIGN KEY (peer_id) REFERENCES peer(id) ON DELETE RESTRICT
);

create view active as
 SELECT id
   FROM peer
  WHERE (state = 'active'::text);

create table peer (
  id uuid not null,
  state text not null default 'proposed'::text,
  share percent,
  size bigint not null generated always as identity,
  twice bigint generated always as ((7 * 2)) stored,
  constraint peer_pkey PRIMARY KEY (id),
  constraint peer_state_id_key UNIQUE (state, id),
  constraint peer_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'active'::text])))
);
CREATE UNIQUE INDEX one_proposed ON fixture.peer USING btree (state) WHERE (state = 'proposed'::text);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON fixture.peer FOR EACH ROW EXECUTE FUNCTION refuse();
grant insert, select, update (state) on peer to fixture;
`

let own: TestDatabase<unknown>
beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(MIGRATIONS) })
})
afterAll(() => own.drop())

test('a schema is described by everything that matters in it', async () => {
  expect(await describeSchema(own.db, 'fixture')).toBe(EXPECTED)
})

test('whoever looks, and from wherever, sees the same', async () => {
  const elsewhere = openDb({ url: own.ownerUrl, schema: 'public', applicationName: 'elsewhere' })
  expect(await describeSchema(elsewhere, 'fixture')).toBe(EXPECTED)
  await elsewhere.destroy()
})

test.each([
  ['a grant', 'grant delete on peer to fixture', 'grant delete, insert, select, update (state) on peer to fixture'],
  [
    'a grant to everybody',
    'grant execute on function refuse() to public',
    'grant execute on function refuse() to public',
  ],
  ['a switched off trigger', 'alter table peer disable trigger append_only', '-- enabled: D'],
  ['row security', 'alter table peer enable row level security', 'enable row level security'],
  ['a default', `alter table peer alter state set default 'active'`, `default 'active'::text`],
])('%s shows', async (_, statement, text) => {
  await as(own.ownerUrl, statement)
  expect(await describeSchema(own.db, 'fixture')).toContain(text)
})
