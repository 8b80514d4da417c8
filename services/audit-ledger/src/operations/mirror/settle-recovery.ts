import { newId } from '@powernode/postgres'
import { logRecovered } from '../../events/mirror.ts'
import * as erasures from '../../store/erasures.ts'
import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { appendEntries } from '../append/append-entries.ts'

export type Back = { readonly peerId: string; readonly from: number; readonly to: number }

/**
 * What we had lost is back, and the log takes entries again: the first says which payloads did not come back.
 *
 * One transaction, so that nothing is written where the erasures point to. Announced, since operators have to know that a
 * backup was older than what had been signed.
 */
export async function settleRecovery(tx: LedgerTx, now: Date, { peerId, from, to }: Back): Promise<void> {
  const [end] = await logs.takeEnds(tx, [peerId])
  if (!end?.held || end.size !== to) return // another replica was here
  await letGoOn(tx, now, { end, reason: `entries ${from} to ${to - 1} are back` })
  await logRecovered(tx, { peerId, from, to, at: now })
}

/** An operator has settled what was found about our log: it takes entries again, from where it stands. */
export async function goOnAsSettled(tx: LedgerTx, now: Date, { log }: { readonly log: string }): Promise<void> {
  const [end] = await logs.takeEnds(tx, [log])
  if (end?.held) await letGoOn(tx, now, { end, reason: 'an operator has settled what was found' })
}

/** MUST hold the log's lock. */
async function letGoOn(
  tx: LedgerTx,
  now: Date,
  { end, reason }: { readonly end: logs.End; readonly reason: string },
): Promise<void> {
  await holds.change(tx, { logId: end.id, held: false, reason }, now)
  const lost = await erasures.within(tx, end.id, { first: 0, last: end.size - 1 })
  if (!lost.some(({ recordedAt }) => recordedAt === end.size)) return
  const body = '{"reason":"lost with an earlier database; the mirror of the peer held none of these"}'
  await appendEntries(tx, now, [
    {
      id: newId(now),
      log: end.name,
      action: 'federation.audit.payloads_lost',
      at: now,
      actor: 'platform',
      payload: Buffer.from(body),
      disclosed: true,
    },
  ])
}
