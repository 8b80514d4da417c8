import { sql, type QueryExecutorProvider } from 'kysely'
import { editedStep, readMigrations, type Applied } from './migrations.ts'

/** The database's schema is not one this code can run on. The message says what to do. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch'
}

/**
 * Refuses to go on unless `schema` stands where this code needs it.
 *
 * Behind: a step of `dir` is not applied. Ahead is fine, since deployments overlap, unless a step we do not know says it
 * breaks code that does not know it. A step applied in another wording is refused as well.
 */
export async function requireSchema(db: QueryExecutorProvider, schema: string, dir: string | URL): Promise<void> {
  const [migrations, applied] = await Promise.all([readMigrations(dir), appliedTo(db, schema)])
  const appliedNames = new Set(applied.map(({ name }) => name))
  const missing = migrations.filter(({ name }) => !appliedNames.has(name)).map(({ name }) => name)
  if (missing.length > 0) {
    throw new SchemaMismatch(`schema ${schema} is behind: run its migrations (${missing.join(', ')} not applied)`)
  }
  const known = new Set(migrations.map(({ name }) => name))
  const breaking = applied.find((step) => step.breaking && !known.has(step.name))
  if (breaking) {
    throw new SchemaMismatch(
      `schema ${schema} is ahead by ${breaking.name}, which breaks this release: start a newer one`,
    )
  }
  const edited = editedStep(migrations, applied)
  if (edited)
    throw new SchemaMismatch(`schema ${schema} was built by another wording of ${edited}: find out which is right`)
}

async function appliedTo(db: QueryExecutorProvider, schema: string): Promise<readonly Applied[]> {
  const table = sql.id(schema, 'migration')
  const exists = await sql<{ yes: boolean }>`select to_regclass(${`${schema}.migration`}) is not null as yes`.execute(
    db,
  )
  if (exists.rows[0]?.yes !== true) return []
  return (await sql<Applied>`select name, digest, breaking from ${table} order by name`.execute(db)).rows
}
