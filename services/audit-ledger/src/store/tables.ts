import type { Tx } from '@powernode/postgres'
import type { QueryExecutorProvider } from 'kysely'
import type { EventTables } from './event-tables.ts'
import type { FileTables } from './file-tables.ts'
import type { LogTables } from './log-tables.ts'
import type { MirrorTables } from './mirror-tables.ts'
import type { WitnessTables } from './witness-tables.ts'

/** The tables by their migrations: 0001_log, 0002_event, 0003_witness, 0004_mirror, 0005_files. */
export type Tables = LogTables & EventTables & WitnessTables & MirrorTables & FileTables

export type LedgerTx = Tx<Tables>

/** What runs a statement: a transaction, or the pool, on which a statement is a transaction by itself. */
export type Executor = QueryExecutorProvider
