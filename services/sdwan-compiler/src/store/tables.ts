import type { Tx } from '@powernode/postgres'
import type { CrossingTables } from './crossing-tables.ts'
import type { RunTables } from './run-tables.ts'

/** Every table of the schema that is read and written through Kysely's types. */
export type Tables = CrossingTables &
  RunTables & {
    intent_state: { id: true; version: number }
  }

export type SdwanTx = Tx<Tables>
