import type { Sealing } from '../../bearer-seal.ts'
import { BY_ITSELF } from '../../events.ts'
import type { Review, Verdict } from '../../review.ts'
import * as peers from '../../store/peers.ts'
import * as reviews from '../../store/reviews.ts'
import type { GrantTx } from '../../store/tables.ts'
import { endPeer } from '../grants/end-peer.ts'
import { applyDefaults } from './apply-defaults.ts'

const SUSPENDED_AGAIN_MS = 60_000

/**
 * What peer-registry said of a peer takes effect, and the note that it is to be looked at goes.
 *
 * In one transaction, so that a crash leaves the note and the registry is asked again. Answers may arrive in any order,
 * also from several replicas: a revocation is for good, so it wins.
 */
export async function settleReview(
  tx: GrantTx,
  now: Date,
  { review, verdict, sealing }: { review: Review; verdict: Verdict; sealing: Sealing },
): Promise<void> {
  const { peerId, correlationId, traceparent } = review
  const cause = { ...BY_ITSELF, correlationId, traceparent }
  if (verdict.word === 'nothing') await peers.noteLook(tx, peerId, now)
  if (verdict.word === 'over') {
    const reason = verdict.reason === '' ? 'the peer was revoked' : `the peer was revoked: ${verdict.reason}`
    await endPeer(tx, now, { peerId, reason, cause })
  }
  if (verdict.word === 'related') {
    await applyDefaults(tx, now, { peerId, ...verdict, sealing, cause })
    if (verdict.suspended) return reviews.postpone(tx, review, new Date(now.getTime() + SUSPENDED_AGAIN_MS))
  }
  await reviews.drop(tx, review)
}
