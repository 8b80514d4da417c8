import type { Tx } from '@powernode/postgres'
import type { ApprovalTables } from './approval-tables.ts'
import type { CatalogueTables } from './catalogue-tables.ts'
import type { GrantTables } from './grant-tables.ts'
import type { OperatorTables } from './operator-tables.ts'
import type { ResidencyTables } from './residency-tables.ts'

/** Every table of the schema: each area brings its own (grant-tables.ts, operator-tables.ts …). */
export type Tables = GrantTables & ApprovalTables & OperatorTables & ResidencyTables & CatalogueTables

export type GrantTx = Tx<Tables>
