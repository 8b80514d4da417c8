import type { Tx } from '@powernode/postgres'
import * as findings from '../store/findings.ts'
import type { Tables } from '../store/tables.ts'

/** As long as events that are not critical are shown. */
const KEPT_MS = 90 * 86_400_000
const AT_ONCE = 1_000

/** What closed long ago is no longer listed; the ledger has it for good. Returns how many went. */
export const forgetFindings = (tx: Tx<Tables>, now: Date): Promise<number> =>
  findings.forget(tx, new Date(now.getTime() - KEPT_MS), AT_ONCE)
