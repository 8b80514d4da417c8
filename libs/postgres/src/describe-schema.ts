import { sql, type Kysely, type QueryExecutorProvider } from 'kysely'
import { grants, type Grant } from './describe-grants.ts'
import {
  constraints,
  functions,
  indexes,
  relations,
  sequences,
  triggers,
  types,
  type Definition,
} from './describe-parts.ts'
import { tableDefinition } from './describe-table.ts'

/** The lib's own bookkeeping: no part of what the migrations add up to. */
const HISTORY = 'migration'

/**
 * Says what a schema is made of, as SQL a reviewer can read; what `schema.sql` of a service holds.
 *
 * Read from the catalogs, sorted by name, and the same for every database with the same migrations: types, functions,
 * tables with columns and constraints, indexes, triggers, and who may do what.
 */
export async function describeSchema<T>(db: Kysely<T>, schema: string): Promise<string> {
  return db.transaction().execute(async (tx) => {
    // Postgres leaves out of a definition the schemas that the search path finds.
    await sql`select set_config('search_path', ${schema}, true)`.execute(tx)
    const blocks = await describe(tx, schema)
    return `${blocks.join('\n\n')}\n`
  })
}

async function describe(tx: QueryExecutorProvider, schema: string): Promise<readonly string[]> {
  const granted = await grants(tx, schema)
  const of = (kind: Grant['kind'], name: string) =>
    granted.filter((grant) => grant.kind === kind && grant.name === name)
  const blocks = [
    [
      '-- What the migrations add up to. Written from the catalogs; compared by a test.',
      ...lines(of('schema', schema)),
    ],
  ]
  for (const { text } of await types(tx, schema)) blocks.push([text])
  for (const { name, text } of await sequences(tx, schema)) blocks.push([text, ...lines(of('sequence', name))])
  for (const { name, text } of await functions(tx, schema)) blocks.push([text, ...lines(of('function', name))])

  const on = byTable(await constraints(tx, schema), await indexes(tx, schema), await triggers(tx, schema))
  for (const relation of await relations(tx, schema)) {
    if (relation.name === HISTORY) continue
    const { checks, after } = on(relation.name)
    blocks.push([tableDefinition(relation, checks), ...after, ...lines(of('table', relation.name))])
  }
  return blocks.map((block) => block.join('\n'))
}

const lines = (granted: readonly Grant[]): readonly string[] => granted.map(({ text }) => text)

/** Sorts what belongs to tables to its table: what stands inside its definition, and what comes after it. */
function byTable(checks: readonly Definition[], indexed: readonly Definition[], triggered: readonly Definition[]) {
  return (table: string) => {
    const texts = (all: readonly Definition[]) => all.filter((one) => one.table === table).map(({ text }) => text)
    return { checks: texts(checks), after: [...texts(indexed), ...texts(triggered)] }
  }
}
