import * as reviews from '../../store/reviews.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * Somebody says that something became of a peer: it is to be looked at.
 *
 * That is all an event can bring about here. Whoever owns NATS can say anything; what a peer is, peer-registry is asked.
 */
export async function notePeer(
  tx: GrantTx,
  now: Date,
  said: { peerId: string; correlationId: string; traceparent: string },
): Promise<void> {
  await reviews.ring(tx, now, said)
}

/** Every peer that holds a live grant is to be looked at: heals whatever news was lost. Returns how many. */
export async function noteHolders(tx: GrantTx, now: Date): Promise<number> {
  return reviews.ringForHolders(tx, now)
}
