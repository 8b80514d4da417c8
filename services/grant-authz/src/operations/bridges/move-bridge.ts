import { append } from '@powernode/events'
import { move, type Bridge, type BridgeMove } from '../../bridge.ts'
import { bridgeMoved, type Cause } from '../../events.ts'
import * as bridges from '../../store/bridges.ts'
import type { GrantTx } from '../../store/tables.ts'

/** A bridge is activated, suspended, resumed or revoked. A move to where it stands is no news. Heard by audit-ledger. */
export async function moveBridge(
  tx: GrantTx,
  now: Date,
  said: { bridgeId: string; move: BridgeMove; reason: string; cause: Cause },
): Promise<Bridge> {
  const before = await bridges.lock(tx, said.bridgeId)
  const after = move(before, { move: said.move, at: now, reason: said.reason })
  if (after === before) return before
  const bridge = await bridges.save(tx, before, after)
  await append(tx, bridgeMoved(bridge, now, { ...said.cause, previous: before.state }))
  return bridge
}
