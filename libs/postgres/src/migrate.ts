import { systemClock } from '@powernode/clock'
import pg from 'pg'
import { connectionSettings, schemaName } from './connection-settings.ts'
import { editedStep, readMigrations, type Applied, type Migration } from './migrations.ts'

type Migrate = {
  /** As the schema's owner. */
  readonly url: string
  readonly schema: string
  readonly dir: string | URL
  /** The service's role, which may then read what was applied. */
  readonly role: string
}

/** A schema that was made by other steps than this version has: of another version, or somebody edited one. */
export class OtherVersion extends Error {
  constructor(schema: string, step: string) {
    super(`the schema ${schema} was made by another ${step}: one that is applied is never edited, a new one is written`)
  }
}

/** How long one step may wait for others to let go of a table, while everybody new waits behind it. */
const LOCK_TIMEOUT = '10s'

/**
 * Brings a schema up to the files in `dir`, each in a transaction of its own, and names those it applied.
 *
 * Any number of processes may do it at once: an advisory lock keyed by the schema lets one through at a time. Forward
 * only; a step that was edited after it had been applied, or that comes before one already applied, is refused.
 */
export async function migrate({ url, schema, dir, role }: Migrate): Promise<readonly string[]> {
  const migrations = await readMigrations(dir)
  const connection = connectionSettings({ url, schema, applicationName: `migrate ${schema}` })
  const client = new pg.Client({ ...connection, statement_timeout: 0, query_timeout: 0 })
  client.on('error', () => {}) // a lost connection fails the statement that runs; this event only repeats it
  await client.connect()
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [`migrate ${schema}`])
    await prepareHistory(client, role)
    const due = stepsDue(schema, migrations, await history(client))
    for (const migration of due) await apply(client, migration)
    return due.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

async function prepareHistory(client: pg.Client, role: string): Promise<void> {
  const { rows } = await client.query<{ missing: boolean }>(`select to_regclass('migration') is null as missing`)
  if (rows[0]?.missing !== true) return
  await client.query(`
    create table migration (
      name       text primary key,
      digest     text not null,
      breaking   boolean not null,
      applied_at timestamptz not null
    );
    grant select on migration to ${pg.escapeIdentifier(schemaName(role))}`)
}

async function history(client: pg.Client): Promise<readonly Applied[]> {
  return (await client.query<Applied>('select name, digest, breaking from migration order by name')).rows
}

function stepsDue(schema: string, migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const edited = editedStep(migrations, applied)
  if (edited) throw new OtherVersion(schema, edited)
  const known = new Set(applied.map(({ name }) => name))
  const due = migrations.filter(({ name }) => !known.has(name))
  const last = applied.at(-1)?.name ?? ''
  const late = due.find(({ name }) => name < last)
  if (late)
    throw new Error(`migration ${late.name} comes before ${last}, which is already applied: give it a later number`)
  return due
}

async function apply(client: pg.Client, { name, sql, breaking, digest }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
    await client.query(sql)
    await client.query('insert into migration (name, digest, breaking, applied_at) values ($1, $2, $3, $4)', [
      name,
      digest,
      breaking,
      systemClock.now(),
    ])
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => {}) // on a broken connection the server does it
    throw new Error(`migration ${name} failed`, { cause })
  }
}
