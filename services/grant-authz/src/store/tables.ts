import type { Tx } from '@powernode/postgres'
import type { GrantTables } from './grant-tables.ts'

/** Every table of the schema: each area brings its own (grant-tables.ts, operator-tables.ts …). */
export type Tables = GrantTables

export type GrantTx = Tx<Tables>
