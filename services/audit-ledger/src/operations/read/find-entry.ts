import { Refusal } from '@powernode/rpc'
import { isId } from '../../decision.ts'
import * as entries from '../../store/entries.ts'
import * as logs from '../../store/logs.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Which entry: by its place, or by the id of its event or decision (ours, or the other side's). */
export type Sought = { readonly log: string; readonly sequence: number } | { readonly id: string }

export type Found = { readonly log: logs.Log; readonly row: entries.Row }

export async function findEntry(tx: LedgerTx, _now: Date, sought: Sought): Promise<Found> {
  if ('id' in sought) {
    const row = isId(sought.id) ? await entries.byId(tx, sought.id) : undefined
    const log = row && (await logs.byId(tx, row.logId))
    if (row && log) return { log, row }
    throw notFound(`no entry here is known as ${sought.id}`, { id: sought.id })
  }
  const { log: name, sequence } = sought
  const where = { log: name, sequence: String(sequence) }
  const log = await logs.find(tx, name)
  if (!log) throw notFound(`nothing was written to a log ${name}`, where)
  const row = await entries.at(tx, log.id, sequence)
  if (row) return { log, row }
  const below = await prunings.prunedBelow(tx, log.id)
  if (sequence < below) {
    throw new Refusal('ENTRY_PRUNED', `entries below ${below} of this log are gone by retention`, { metadata: where })
  }
  throw notFound(`the log has no entry ${sequence}`, where)
}

function notFound(sentence: string, metadata: Record<string, string>): Refusal {
  return new Refusal('ENTRY_NOT_FOUND', sentence, { metadata })
}
