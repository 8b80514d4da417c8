import { patient } from '@powernode/clock'
import { Kysely, PostgresDialect, type LogEvent, type Transaction } from 'kysely'
import pg from 'pg'
import { connectionSettings, type Connect } from './connection-settings.ts'
import { keepStatements } from './kept-statement.ts'

/** A database, by the types of its tables. Held by doors and loops, which open transactions on it. */
export type Db<T> = Kysely<T>

/** An open transaction: all that operations and stores are given. */
export type Tx<T> = Transaction<T>

export type DbConfig = Connect & {
  readonly schema: string
  /** The most connections held at once. */
  readonly max?: number
  /** How long a connection is kept that nobody uses: 10 s unless said; 0: for as long as the pool lives. */
  readonly idleMs?: number
  /** Hears of a connection lost while nobody used it. The pool replaces it by itself. */
  readonly onConnectionLost?: (error: Error) => void
  /** Hears how long each statement took and whether it failed; never its text or values. */
  readonly onStatement?: (statement: { readonly ms: number; readonly failed: boolean }) => void
}

const DEFAULT_MAX = 10
const IDLE_MS = 10_000

/** Opens a pool of connections whose unqualified names mean `schema`. Connects when first used; end it with `destroy`. */
export function openDb<T>({ max = DEFAULT_MAX, idleMs, onConnectionLost, onStatement, ...connect }: DbConfig): Db<T> {
  const pool = new pg.Pool({
    ...connectionSettings(connect),
    max,
    idleTimeoutMillis: idleMs ?? patient(IDLE_MS),
  })
  pool.on('error', (error) => onConnectionLost?.(error))
  // A connection lost between two statements of a transaction has no other listener. Without one the process would end;
  // the next statement on it fails anyway, and that is where inTransaction hears of it.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('connect', keepStatements)
  return new Kysely<T>({
    dialect: new PostgresDialect({ pool }),
    ...(onStatement && {
      log: (event: LogEvent) => onStatement({ ms: event.queryDurationMillis, failed: event.level === 'error' }),
    }),
  })
}
