import { sql } from 'kysely'
import { COLUMNS, KINDS } from '../intent/columns.ts'
import type { Difference, Intent } from '../intent/intent.ts'
import { STAMPS, type ColumnType, type Kind, type RecordOf } from '../intent/records.ts'
import type { SdwanTx } from './tables.ts'

/**
 * Intent, one table a kind, all written alike: columns and their types stand in COLUMNS, records go as one JSON document, and
 * Postgres makes of it what its types allow.
 */
const tableOf = (kind: Kind): string => (kind === 'test' ? 'reachability_test' : kind)

type Column = { readonly field: string; readonly name: string; readonly type: ColumnType }

const snake = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const columnsOf = (kind: Kind): readonly Column[] =>
  Object.entries<ColumnType>({ ...STAMPS, ...COLUMNS[kind] }).map(([field, type]) => ({
    field,
    name: snake(field),
    type,
  }))

const list = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)))
const typed = (columns: readonly Column[]) => sql.join(columns.map(({ name, type }) => sql`${sql.ref(name)} ${sql.raw(type)}`)) // prettier-ignore

/**
 * Every record there is, asked in one statement: nodes wait for it, also for the rule that a revocation takes away, and on a busy
 * machine a question costs more by the way there and back than by what it asks. MUST be what readKind gives of each.
 */
export async function readAll(tx: SdwanTx): Promise<Intent> {
  const kinds = KINDS.map((kind, place) => {
    const columns = columnsOf(kind).map(({ field, name }) => sql`${sql.ref(name)} as ${sql.ref(field)}`)
    return sql`select ${sql.lit(place)} as place, id, to_json(its) as record
      from (select ${sql.join(columns)} from ${sql.table(tableOf(kind))}) as its`
  })
  const { rows } = await sql<{ place: number; record: Readonly<Record<string, unknown>> & { id: string } }>`
    select place, record from (${sql.join(kinds, sql` union all `)}) as every order by place, id`.execute(tx)
  const shelves = KINDS.map((kind) => [kind, new Map<string, unknown>()] as const)
  const moments = KINDS.map((kind) => columnsOf(kind).filter(({ type }) => type === 'timestamptz'))
  for (const { place, record } of rows) {
    const dated = (moments[place] ?? []).map(({ field }) => [field, momentIn(record[field])] as const)
    shelves[place]?.[1].set(record.id, Object.assign(record, Object.fromEntries(dated)))
  }
  return Object.fromEntries(shelves) as unknown as Intent // one for every kind
}

/** JSON knows no dates. */
const momentIn = (said: unknown): Date | null => (typeof said === 'string' ? new Date(said) : null)

export async function readKind<K extends Kind>(tx: SdwanTx, kind: K): Promise<ReadonlyMap<string, RecordOf<K>>> {
  const columns = columnsOf(kind)
  const asked = columns.map(({ field, name, type }) =>
    type.endsWith('[]')
      ? sql`to_jsonb(${sql.ref(name)}) as ${sql.ref(field)}`
      : sql`${sql.ref(name)} as ${sql.ref(field)}`,
  )
  const { rows } = await sql<RecordOf<K>>`select ${sql.join(asked)} from ${sql.table(tableOf(kind))} order by id`.execute(tx) // prettier-ignore
  return new Map(rows.map((record) => [record.id, record]))
}

/**
 * Writes a difference. Foreign keys and unique names are looked at when the transaction ends, so that one change may exchange
 * names, or move what hangs on a record away and delete it. MUST be called with the turn taken (intent-state.ts).
 */
export async function write(tx: SdwanTx, difference: Difference): Promise<void> {
  for (const kind of KINDS.toReversed()) await remove(tx, kind, difference[kind].deleted)
  for (const kind of KINDS) await update(tx, kind, difference[kind].updated)
  for (const kind of KINDS) await insert(tx, kind, difference[kind].inserted)
}

type Written = readonly { readonly id: string }[]

async function insert(tx: SdwanTx, kind: Kind, records: Written): Promise<void> {
  if (records.length === 0) return
  const columns = columnsOf(kind)
  const names = list(columns.map(({ name }) => name))
  await sql`insert into ${sql.table(tableOf(kind))} (${names})
    select ${names} from jsonb_to_recordset(${documentOf(columns, records)}::jsonb) as said (${typed(columns)})`.execute(
    tx,
  )
}

async function update(tx: SdwanTx, kind: Kind, records: Written): Promise<void> {
  if (records.length === 0) return
  const columns = columnsOf(kind)
  const table = tableOf(kind)
  const set = columns.filter(({ field }) => field !== 'id').map(({ name }) => sql`${sql.ref(name)} = ${sql.ref(`said.${name}`)}`) // prettier-ignore
  const { numAffectedRows } = await sql`update ${sql.table(table)} as kept set ${sql.join(set)}
    from jsonb_to_recordset(${documentOf(columns, records)}::jsonb) as said (${typed(columns)})
    where kept.id = said.id and kept.version < said.version`.execute(tx)
  if (numAffectedRows !== BigInt(records.length)) throw new Error(`${table}: a record moved while we held the turn`)
}

async function remove(tx: SdwanTx, kind: Kind, records: Written): Promise<void> {
  if (records.length === 0) return
  const ids = records.map(({ id }) => id)
  await sql`delete from ${sql.table(tableOf(kind))} where id = any (${ids}::uuid[])`.execute(tx)
}

function documentOf(columns: readonly Column[], records: Written): string {
  return JSON.stringify(
    records.map((record) =>
      Object.fromEntries(
        columns.map(({ field, name }) => [name, (record as Readonly<Record<string, unknown>>)[field]]),
      ),
    ),
  )
}
