import { createHash, randomBytes } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import pg from 'pg'
import { databaseUrl } from './database-url.ts'
import { migrate } from './migrate.ts'
import { readMigrations } from './migrations.ts'
import { Listener, type ListenerConfig } from './listener.ts'
import { openDb, type Db } from './open-db.ts'
import { grantDatabase, ownerOf, prepareDatabase, withClient } from './prepare-database.ts'
import { asAdmin, testServer } from './testing/standing-admin.ts'

export { unluckyRoad } from './testing/fixtures.ts'
export { frozenRoad } from './testing/frozen-road.ts'

/** A database of a test's own. */
export type TestDatabase<T> = {
  /** As the service, with the grants it has in production and no others. */
  readonly url: string
  /** As the schema's owner. */
  readonly ownerUrl: string
  /** Opened as the service. */
  readonly db: Db<T>
  /** Closes `db` and removes the database, whoever is still connected. */
  readonly drop: () => Promise<void>
}

type Wanted = { readonly schema: string; readonly dir: string | URL }
/** By a superuser's URL. */
type OnServer = { readonly adminUrl?: string | undefined }

/** Part of each template's name: to be changed when this file builds templates differently. */
const RECIPE = '1'
const id = pg.escapeIdentifier

/**
 * Gives a test file a database of its own, migrated, in a few milliseconds: a copy of a template.
 *
 * The template is made once for each schema and content of its migrations, by whoever needs it first; any number of test
 * processes may ask at once. The server is the one of POWERNODE_TEST_PG_URL, which the test run sets, unless another is given.
 */
export async function testDatabase<T>({
  schema,
  dir,
  adminUrl = testServer(),
}: Wanted & OnServer): Promise<TestDatabase<T>> {
  if (!adminUrl)
    throw new Error('POWERNODE_TEST_PG_URL is not set: run the tests by `npm test`, which starts a Postgres')

  const database = `test_${schema}_${randomBytes(8).toString('hex')}`
  const template = await templateOf(adminUrl, { schema, dir })
  await onServer(adminUrl, async (admin) => {
    // By copying files: where nothing waits for the disk that costs a quarter of writing every page to the log.
    await admin.query(`create database ${id(database)} template ${id(template)} strategy file_copy`)
    await grantDatabase(admin, database, [{ schema }])
  })
  const login = loginTo(adminUrl, database, schema)
  const db = openDb<T>({ url: login.url, schema, applicationName: database })
  const drop = async () => {
    await db.destroy()
    await onServer(adminUrl, (admin) => admin.query(`drop database if exists ${id(database)} with (force)`))
  }
  return { ...login, db, drop }
}

/** Hears what is notified in a database, as production does, and says nothing. */
export function testListener({
  applicationName = 'test',
  clock = systemClock,
  logger = createLogger('test', { level: 'silent' }),
  ...connect
}: Partial<ListenerConfig> & { readonly url: string }): Listener {
  return new Listener({ ...connect, applicationName, clock, logger })
}

/**
 * Roles belong to the whole server, so whoever prepares a database on the tests' server MUST give them these. They look like drawn
 * ones (scram.ts), as those of a platform are: with a sixty-fourth of the iterations some ten thousand connections cost less.
 */
export const TEST_PASSWORDS = { ownerPassword: inTests('owner'), servicePassword: inTests('service') }

function inTests(whose: string): string {
  return `drawn-${`${whose}-in-tests`.padEnd(32, '-')}`
}

function loginTo(adminUrl: string, database: string, schema: string): { url: string; ownerUrl: string } {
  return {
    url: databaseUrl(adminUrl, { database, user: schema, password: TEST_PASSWORDS.servicePassword }),
    ownerUrl: databaseUrl(adminUrl, { database, user: ownerOf(schema), password: TEST_PASSWORDS.ownerPassword }),
  }
}

/** The template's name; made if it is not there. It gets that name when it is whole, so one that exists can be copied. */
async function templateOf(adminUrl: string, { schema, dir }: Wanted): Promise<string> {
  const migrations = await readMigrations(dir)
  const contents = createHash('sha256').update([RECIPE, ...migrations.map(({ name, digest }) => name + digest)].join())
  const template = `template_${schema}_${contents.digest('hex').slice(0, 16)}`
  const unfinished = `${template}_unfinished`
  if (await onServer(adminUrl, (admin) => exists(admin, template))) return template
  await withClient(adminUrl, async (admin) => {
    await admin.query('select pg_advisory_lock(hashtextextended($1, 0))', [template])
    if (await exists(admin, template)) return
    await admin.query(`drop database if exists ${id(unfinished)} with (force)`)
    await prepareDatabase({ adminUrl, database: unfinished, schemas: [{ schema, ...TEST_PASSWORDS }] })
    await migrate({ url: loginTo(adminUrl, unfinished, schema).ownerUrl, schema, dir, role: schema })
    await admin.query(`alter database ${id(unfinished)} with allow_connections false`)
    await admin.query(`alter database ${id(unfinished)} rename to ${id(template)}`)
  })
  return template
}

function onServer<R>(adminUrl: string, work: (admin: pg.Client) => Promise<R>): Promise<R> {
  return adminUrl === testServer() ? asAdmin(work) : withClient(adminUrl, work)
}

async function exists(admin: pg.Client, database: string): Promise<boolean> {
  return ((await admin.query('select 1 from pg_database where datname = $1', [database])).rowCount ?? 0) > 0
}
