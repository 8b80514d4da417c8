import { sql, type QueryExecutorProvider } from 'kysely'
import { SealingKeyReplaced } from './failures.ts'

/** The ids of the sealing keys that a process was given. They tell nothing of the keys. */
export type SealingKeyIds = {
  readonly current: Buffer
  readonly previous: Buffer | undefined
  /** Of a key that an operator has given up for good. */
  readonly lost: Buffer | undefined
}

type Held = { readonly ids: SealingKeyIds }

/**
 * What a schema needs whose columns hold sealed values (AES-GCM, `format ‖ key id ‖ …`): which key is the newest, and a trigger
 * for each of these columns, `before insert or update of <column> on <table> for each row execute function sealed_under_newest('<column>')`.
 *
 * What is sealed under a key that was replaced is lost with that key, and nobody would say so. So the database refuses it, whichever
 * process seals, and wherever it does. The row is locked against whoever replaces the key: what was sealed before is seen, and
 * sealed anew.
 */
export const SEALING_KEY_SQL = `
create table sealing_key (
  id boolean primary key default true check (id),
  -- Ids of all keys that values here were ever sealed under, which tell nothing of the keys; the last is the newest.
  key_ids bytea[] not null default '{}'
);
insert into sealing_key default values;

-- A process that runs with a key that was replaced keeps nothing: that would be lost with its key.
create function sealed_under_newest() returns trigger language plpgsql as $$
declare
  newest bytea;
  sealed bytea;
  its text;
begin
  foreach its in array tg_argv loop
    sealed := (to_jsonb(new) ->> its)::bytea;
    continue when sealed is null or (tg_op = 'UPDATE' and sealed is not distinct from (to_jsonb(old) ->> its)::bytea);
    select key_ids[cardinality(key_ids)] into newest from sealing_key for share;
    continue when newest is null or substring(sealed from 2 for 4) = newest;
    raise exception 'sealed under a key that was replaced by %', encode(newest, 'hex') using errcode = 'PNSK1';
  end loop;
  return new;
end
$$;
`

/** Whose key the newest is. `unknown`: ours was never here, and we hold the newest as little. */
export type SealingStanding = 'newest' | 'replaced' | 'unknown'

/** What an operator is told of a process whose key is not the newest. */
export const SEALING_TROUBLE = {
  replaced: 'the sealing key was replaced: nothing is sealed here until SEALING_KEY_FILE holds the newest one',
  unknown:
    'the newest sealing key is not at hand, and this one is another: nothing is sealed here until PREVIOUS_SEALING_KEY_FILE holds it, or LOST_SEALING_KEY gives it up by its id',
} as const satisfies Record<Exclude<SealingStanding, 'newest'>, string>

/** Where our key stands, and the id of the newest, hex. */
export type Adopted = { readonly standing: SealingStanding; readonly newest: string }

/**
 * At the start: our key is the newest from now on, if it is new and it is certain that it follows the one before: we hold that one
 * too, or nothing needs it, or an operator has given it up by its id. A key that was replaced MUST NOT become the newest by a process
 * that merely starts again with it. Waits for whoever seals at this moment, and they wait for us.
 */
export async function adoptSealingKey(
  tx: QueryExecutorProvider,
  { ids: { current, previous, lost } }: Held,
  opensAll: () => Promise<boolean>,
): Promise<Adopted> {
  const known = await keyIds(tx, sql`for update`)
  const newest = known.at(-1)
  const adopted = { standing: 'newest', newest: current.toString('hex') } as const
  if (newest?.equals(current)) return adopted
  if (newest !== undefined && !same(previous, newest) && !same(lost, newest)) {
    const other = newest.toString('hex')
    if (known.some((id) => id.equals(current))) return { standing: 'replaced', newest: other }
    if (!(await opensAll())) return { standing: 'unknown', newest: other }
  }
  await sql`update sealing_key set key_ids = array_remove(key_ids, ${current}) || ${current}::bytea`.execute(tx)
  return adopted
}

/** Throws unless our key is the newest; until the transaction ends it stays so. */
export async function requireNewestSealingKey(tx: QueryExecutorProvider, held: Held): Promise<void> {
  const newest = (await keyIds(tx, sql`for share`)).at(-1)
  if (newest && !newest.equals(held.ids.current)) throw new SealingKeyReplaced(newest.toString('hex'))
}

/** The id of the newest key, where that is not ours. */
export async function replacedBy(tx: QueryExecutorProvider, { ids }: Held): Promise<string | undefined> {
  const newest = (await keyIds(tx, sql``)).at(-1)
  return !newest || newest.equals(ids.current) ? undefined : newest.toString('hex')
}

async function keyIds(tx: QueryExecutorProvider, lock: ReturnType<typeof sql>): Promise<readonly Buffer[]> {
  const { rows } = await sql<{ keyIds: Buffer[] }>`select key_ids as "keyIds" from sealing_key ${lock}`.execute(tx)
  return rows[0]?.keyIds ?? []
}

const same = (one: Buffer | undefined, other: Buffer): boolean => one?.equals(other) === true
