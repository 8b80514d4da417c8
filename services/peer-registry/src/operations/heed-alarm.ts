import type { Tx } from '@powernode/postgres'
import { BY_OURSELVES } from '../events.ts'
import { MOVES } from '../peer.ts'
import * as heededAlarms from '../store/heeded-alarms.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { suspendPeer } from './suspend-peer.ts'

/** What we do with a peer that was found to tell two truths. */
export type ForkPolicy = 'suspend' | 'alert'

export type Alarm = { readonly id: string; readonly peerId: string; readonly kind: string; readonly detail: string }

/**
 * A peer's ledger contradicts itself: the peer is set aside, once for each alarm, unless this platform only wants to know.
 *
 * That it was acted upon is noted in the same transaction, so a peer that an operator resumes is not suspended again for
 * what the operator has seen. Returns whether it was suspended.
 */
export async function heedAlarm(
  tx: Tx<Tables>,
  now: Date,
  { alarm, policy }: { alarm: Alarm; policy: ForkPolicy },
): Promise<boolean> {
  const peer = await peers.lock(tx, alarm.peerId)
  const suspends = policy === 'suspend' && MOVES[peer.state].suspend !== undefined
  const outcome = suspends ? 'suspended' : 'left'
  if (!(await heededAlarms.heed(tx, { alarm_id: alarm.id, peer_id: alarm.peerId, outcome, at: now }))) return false
  if (!suspends) return false
  const reason = `the ledger of this peer shows a ${alarm.kind}: alarm ${alarm.id}; see fedctl audit alarms`
  await suspendPeer(tx, now, { by: BY_OURSELVES, peerId: alarm.peerId, reason })
  return true
}
