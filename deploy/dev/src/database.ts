import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { databaseUrl, drawPassword, migrate, prepareDatabase } from '@powernode/postgres'
import { secretPath, type Layout } from './layout.ts'
import { secretFile } from './secrets.ts'
import { SCHEMAS } from './services.ts'

export const DATABASE = 'powernode'

/** What spawn-provisioner may do to the server, so that members of the cluster can follow it. */
export const replicationScript = (): string =>
  readFileSync(new URL('../../postgres/replication.sql', import.meta.url), 'utf8')

/** Makes a platform's database, schemas and roles, and brings every schema up to its migrations. Safe to repeat. */
export async function prepareDatabases(layout: Layout, adminUrl: string): Promise<void> {
  const schemas = SCHEMAS.map(({ schema }) => ({
    schema,
    ownerPassword: passwordOf(layout, `${schema}_owner`),
    servicePassword: passwordOf(layout, schema),
  }))
  await prepareDatabase({ adminUrl, database: DATABASE, schemas, scripts: [replicationScript()] })
  await Promise.all(
    SCHEMAS.map(({ service, schema }) => {
      const dir = fileURLToPath(new URL(`../../../services/${service}/migrations/`, import.meta.url))
      return migrate({ url: urlFor(layout, `${schema}_owner`), schema, dir, role: schema })
    }),
  )
}

/** How a role reaches the platform's database. */
export function urlFor(layout: Layout, role: string): string {
  return databaseUrl(layout.site.postgres, { database: DATABASE, user: role, password: passwordOf(layout, role) })
}

const passwordOf = (layout: Layout, role: string) => secretFile(secretPath(layout, `postgres-${role}`), drawPassword)
