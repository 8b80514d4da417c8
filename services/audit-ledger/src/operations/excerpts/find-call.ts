import { Refusal } from '@powernode/rpc'
import * as excerpts from '../../store/mirror-excerpts.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

/**
 * Where a call of a peer stands that we decided under this id. Whatever it is not (unknown, of another peer, of our own calls)
 * looks alike to the peer that asks.
 */
export async function findCall(
  tx: LedgerTx,
  _now: Date,
  { peerId, decisionId }: { readonly peerId: string; readonly decisionId: string },
): Promise<{ readonly log: string; readonly sequence: number }> {
  const log = await logs.find(tx, peerId)
  const sequence = log && (await excerpts.callOf(tx, log.id, decisionId))
  if (sequence === undefined) throw new Refusal('ENTRY_NOT_FOUND', 'no call of yours was decided here under this id')
  return { log: peerId, sequence }
}
