import { shownSince } from '../decision.ts'
import * as decisions from '../store/decisions.ts'
import type { LedgerTx } from '../store/tables.ts'

export type Asked = Omit<decisions.Filter, 'since'> & { readonly since: Date | undefined; readonly limit: number }
export type Page = { readonly calls: readonly decisions.Call[]; readonly more: boolean }

/** What one answer carries at most, so that it stays below what clients take (4 MiB) in every encoding. */
const BUDGET_BYTES = 2_000_000

/** A page of decisions, the newest first: of the last 30 days unless said otherwise. Shorter than `limit` when they are large. */
export async function listDecisions(tx: LedgerTx, now: Date, { limit, since, ...filter }: Asked): Promise<Page> {
  const found = await decisions.list(tx, { ...filter, since: since ?? shownSince(now) }, limit + 1)
  let bytes = 0
  const fit = found.findIndex(({ body }) => (bytes += body.length) > BUDGET_BYTES)
  const length = Math.min(limit, fit < 0 ? found.length : Math.max(fit, 1))
  return { calls: found.slice(0, length), more: found.length > length }
}
