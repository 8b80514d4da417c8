import pg from 'pg'
import { connectionSettings, schemaName } from './connection-settings.ts'
import { scramVerifier } from './scram.ts'

/** A schema and the passwords of its two roles: `<schema>_owner` migrates it, `<schema>` is the service. */
export type SchemaRoles = {
  readonly schema: string
  readonly ownerPassword: string
  readonly servicePassword: string
}

type Prepare = {
  /** As superuser, to any database of the server; not to the one to be prepared. */
  readonly adminUrl: string
  readonly database: string
  readonly schemas: readonly SchemaRoles[]
  /** What else the database is given, as superuser, once roles and schemas are there. MUST be safe to repeat. */
  readonly scripts?: readonly string[]
}

const APPLICATION = 'prepare database'
const id = pg.escapeIdentifier
const ROLE_IS = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit'

/**
 * Creates a platform's database, its schemas and their roles, or brings them back to how they should be.
 *
 * May be run again at any time, and by several processes at once. PUBLIC loses everything, so that a role can do what it
 * was granted and no more: it connects to this database only, uses its own schema only, and creates nothing unless it is
 * the owner. Roles belong to the whole server: two platforms MUST NOT share one.
 */
export async function prepareDatabase({ adminUrl, database, schemas, scripts = [] }: Prepare): Promise<void> {
  for (const { schema } of schemas) schemaName(schema)
  await withClient(adminUrl, async (admin) => {
    // Advisory locks live in one database, so this is asked for before going to the other.
    await admin.query(`select pg_advisory_lock(hashtextextended('prepare database', 0))`)
    await refuseFenced(admin, database)
    await createDatabase(admin, database)
    for (const roles of schemas) await createRoles(admin, roles)
    await grantDatabase(admin, database, schemas)
    await withClient(withDatabase(adminUrl, database), async (inside) => {
      await inside.query('revoke all on schema public from public')
      await inside.query('revoke all on language plpgsql from public')
      for (const { schema } of schemas) await createSchema(inside, schema)
      for (const script of scripts) await inside.query(script)
    })
  })
}

/** What Postgres keeps outside a database about it, and so does not copy from a template: who may connect, and search paths. */
export async function grantDatabase(
  admin: pg.Client,
  database: string,
  schemas: readonly Pick<SchemaRoles, 'schema'>[],
): Promise<void> {
  await admin.query(`revoke all on database ${id(database)} from public`)
  for (const { schema } of schemas) {
    for (const role of [ownerOf(schema), schema]) {
      await admin.query(`grant connect on database ${id(database)} to ${id(role)}`)
      await admin.query(`alter role ${id(role)} in database ${id(database)} set search_path = ${id(schema)}`)
    }
  }
}

/** Opens one connection for `work`, and closes it whatever happens. */
export async function withClient<R>(url: string, work: (client: pg.Client) => Promise<R>): Promise<R> {
  // Waiting for another process that prepares the same takes as long as it takes.
  const settings = {
    ...connectionSettings({ url, applicationName: APPLICATION }),
    statement_timeout: 0,
    query_timeout: 0,
  }
  const client = new pg.Client(settings)
  client.on('error', () => {}) // a lost connection fails the statement that runs; this event only repeats it
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export const ownerOf = (schema: string): string => `${schemaName(schema)}_owner`

export function withDatabase(adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}

/**
 * A database whose sessions begin read-only was fenced, because another server is the primary in its place. Its roles may not
 * log in, and MUST NOT be let in again by whoever only restarts the platform.
 */
async function refuseFenced(admin: pg.Client, database: string): Promise<void> {
  const { rowCount } = await admin.query(
    `select 1 from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
     where d.datname = $1 and s.setrole = 0 and 'default_transaction_read_only=on' = any (s.setconfig)`,
    [database],
  )
  if (!rowCount) return
  throw new Error(
    `the database ${database} is fenced: another server was made the primary in its place. Nothing of it was changed; ` +
      'the way back is in docs/cluster-members.md',
  )
}

/** From template0 and in the C locale: sorted the same by every server and every version of the system's locales. */
async function createDatabase(admin: pg.Client, database: string): Promise<void> {
  const { rowCount } = await admin.query('select 1 from pg_database where datname = $1', [database])
  if (rowCount) return
  await admin.query(
    `create database ${id(database)} template template0 encoding 'UTF8' locale_provider libc locale 'C'`,
  )
}

async function createRoles(admin: pg.Client, { schema, ownerPassword, servicePassword }: SchemaRoles): Promise<void> {
  for (const [role, password] of [
    [ownerOf(schema), ownerPassword],
    [schema, servicePassword],
  ] as const) {
    const { rowCount } = await admin.query('select 1 from pg_roles where rolname = $1', [role])
    const verifier = pg.escapeLiteral(scramVerifier(password))
    await admin.query(`${rowCount ? 'alter' : 'create'} role ${id(role)} with ${ROLE_IS} password ${verifier}`)
  }
}

async function createSchema(inside: pg.Client, schema: string): Promise<void> {
  const owner = id(ownerOf(schema))
  await inside.query(`create schema if not exists ${id(schema)} authorization ${owner}`)
  await inside.query(`alter schema ${id(schema)} owner to ${owner}`)
  await inside.query(`revoke all on schema ${id(schema)} from public`)
  await inside.query(`grant usage on schema ${id(schema)} to ${id(schema)}`)
  await inside.query(`grant usage on language plpgsql to ${owner}`)
  // Functions are the one kind of object that PUBLIC may use from the moment it is made.
  await inside.query(`alter default privileges for role ${owner} revoke execute on functions from public`)
}
