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

const AGAIN_MS = 60_000

/**
 * Peers that were not looked at for a minute are to be: heals whatever news was lost, and repairs what is missing of
 * what is given by itself. Returns how many.
 */
export async function noteKnown(tx: GrantTx, now: Date, limit: number): Promise<number> {
  return reviews.ringForKnown(tx, now, { reviewedBefore: new Date(now.getTime() - AGAIN_MS), limit })
}
