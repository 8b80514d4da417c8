import { patient } from '@powernode/clock'
import type pg from 'pg'
import { typeParsers } from './type-parsers.ts'

export type Connect = {
  /** `postgres://user:password@host:port/database`; TLS by `?sslmode=verify-full&sslrootcert=…&sslcert=…&sslkey=…`. */
  readonly url: string
  /** The schema that unqualified names mean. */
  readonly schema?: string
  /** What pg_stat_activity shows: the service, so that an operator sees who holds a lock. */
  readonly applicationName: string
  /**
   * After how long the server cuts a transaction that says nothing more (30 s). Below a second for those who hold locks
   * that others wait for all the time: a replica that froze is overtaken then.
   */
  readonly idleInTransactionMs?: number
}

const STATEMENT_TIMEOUT_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000
const KEEPALIVE_AFTER_MS = 10_000

/**
 * The settings of every connection the mesh opens.
 *
 * Each wait has an end: a statement after 30 s at the server, the client's own wait for it 5 s later (the server may be
 * unreachable), a transaction left open after 30 s, connecting or waiting for a free connection after 10 s.
 *
 * And a commit that was answered is on disk, though the server, the database or the role say otherwise: a role may change
 * its own default, so who steals its password once could make everything be answered that is not durable yet.
 */
export function connectionSettings({
  url,
  schema,
  applicationName,
  idleInTransactionMs = STATEMENT_TIMEOUT_MS,
}: Connect): pg.ClientConfig {
  return {
    connectionString: withSessionOptions(url, schema),
    application_name: applicationName,
    types: typeParsers,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 5_000,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    connectionTimeoutMillis: patient(CONNECT_TIMEOUT_MS),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
  }
}

/**
 * Adds session settings to those the URL already carries.
 *
 * They go into the URL because what a URL says wins over the other settings: an `options` there would silently take
 * away the search path.
 */
function withSessionOptions(url: string, schema: string | undefined): string {
  const parsed = new URL(url)
  const own = [
    '-c TimeZone=UTC',
    '-c synchronous_commit=on',
    ...(schema === undefined ? [] : [`-c search_path=${schemaName(schema)}`]),
  ]
  parsed.searchParams.set('options', [parsed.searchParams.get('options'), ...own].filter(Boolean).join(' '))
  return parsed.href
}

/** A schema's name, checked, because it also becomes part of role names and start-up options. */
export function schemaName(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(name)) throw new Error(`${JSON.stringify(name)} is not a schema name`)
  return name
}
