import { CompiledQuery, type QueryExecutorProvider } from 'kysely'
import type pg from 'pg'

/** A statement that each connection parses and plans once: for those that are run all the time, where that costs as much as they do. */
export type KeptStatement<Row> = (
  on: QueryExecutorProvider,
  values: readonly unknown[],
) => Promise<readonly Partial<Row>[]>

const NAMED = /^\/\* kept: (?<name>\w+) \*\/ /

/** MUST be made once in a process for each name: a connection knows the statement by that. */
export function keptStatement<Row>(name: string, text: string): KeptStatement<Row> {
  if (!/^\w{1,63}$/.test(name)) throw new Error(`${name} is no name of a statement`)
  const named = `/* kept: ${name} */ ${text}`
  return async (on, values) => {
    const { rows } = await on.getExecutor().executeQuery<Partial<Row>>(CompiledQuery.raw(named, [...values]))
    return rows
  }
}

/** Makes a connection keep them. Kysely gives it texts alone, so the text says the name. */
export function keepStatements(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...said: readonly unknown[]) => unknown // one of its many overloads
  const keeping = (said: unknown, values?: unknown, ...rest: readonly unknown[]) => {
    const name = typeof said === 'string' ? NAMED.exec(said)?.groups?.['name'] : undefined
    return name === undefined ? query(said, values, ...rest) : query({ name, text: said, values }, ...rest)
  }
  client.query = keeping as typeof client.query
}
