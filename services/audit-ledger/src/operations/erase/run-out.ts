import { keptSince } from '../../decision.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as erasures from '../../store/erasures.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

export type Asked = { readonly after: string; readonly logs: number; readonly entries: number }
export type RanOut = {
  /** Where to go on: the last log looked at, or undefined when all were. */
  readonly after: string | undefined
  readonly erased: number
}

/**
 * Deletes by what calls were decided, once it was kept for long enough. That they were made, and their outcome, stays.
 *
 * A log is cut where its newest checkpoint from before then ends, since all below it is older still, whatever moments callers gave
 * to their entries. In bounded stretches, each with a row that says so.
 */
export async function runOut(tx: LedgerTx, now: Date, asked: Asked): Promise<RanOut> {
  const page = await logs.list(tx, { after: asked.after, limit: asked.logs })
  let erased = 0
  for (const log of page) {
    const below = (await checkpoints.newestBefore(tx, log.id, keptSince(now)))?.size ?? 0
    const first = await erasures.ranOutBelow(tx, log.id)
    if (first >= below) continue
    const last = Math.min(below, first + asked.entries) - 1
    const why = { ranOut: true, at: now, actor: 'platform', reason: 'kept for 35 days', recordedAt: null }
    erased += await erasures.add(tx, [{ logId: log.id, first, last, ...why }])
    // There is more of this one: it comes again first.
    if (last < below - 1) return { after: page[page.indexOf(log) - 1]?.name ?? asked.after, erased }
  }
  return { after: page.length < asked.logs ? undefined : page.at(-1)?.name, erased }
}
