import type { Review, Verdict } from '../../review.ts'
import * as reviews from '../../store/reviews.ts'
import type { GrantTx } from '../../store/tables.ts'
import { issueOperatorGrant } from '../grants/issue-operator-grant.ts'
import { revokeGrantsOf } from '../grants/revoke-grants-of.ts'

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
  { review, verdict }: { review: Review; verdict: Verdict },
): Promise<void> {
  const { peerId, correlationId, traceparent } = review
  const cause = { actor: 'service/grant-authz', correlationId, traceparent }
  if (verdict.word === 'later') return reviews.postpone(tx, review, new Date(now.getTime() + SUSPENDED_AGAIN_MS))

  if (verdict.word === 'entitled') await issueOperatorGrant(tx, now, { peerId, cause })
  if (verdict.word === 'over') {
    const reason = verdict.reason === '' ? 'the peer was revoked' : `the peer was revoked: ${verdict.reason}`
    await revokeGrantsOf(tx, now, { peerId, reason, cause })
  }
  await reviews.drop(tx, review)
}
