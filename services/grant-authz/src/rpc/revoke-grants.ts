import type { ServiceImpl } from '@connectrpc/connect'
import { epochOf } from '@powernode/feed'
import type { GrantAuthzService, RevokeGrantsRequest } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { POLICY_FEED } from '../feed/policy-part.ts'
import { revokeGrants } from '../operations/grants/revoke-grants.ts'
import * as grants from '../store/grants.ts'
import * as policyRows from '../store/policy-rows.ts'
import { grantToWire } from '../wire.ts'
import { actOrRehearse, look } from './door.ts'
import { causeOf, dateOf, filterId, type GrantDeps } from './grant-door.ts'

/** So many in one transaction: more would hold the feed for everybody else. */
const AT_ONCE = 1_000
const SHOWN = 100

/**
 * Many grants end: all of a peer, of a kind, issued before a moment, or where these meet.
 *
 * In batches, until one is not full. Which grants there are is asked of the database and not of the clock, unless a moment
 * is named: another replica's, which is ahead, may have stamped what is there already. When a batch fails in the middle,
 * those before are revoked, and whoever asks again revokes the rest.
 */
export const manyGrantsHandlers = (deps: GrantDeps): Pick<ServiceImpl<typeof GrantAuthzService>, 'revokeGrants'> => ({
  async revokeGrants(req, context) {
    const { dryRun, reason } = req
    const chosen = chosenFrom(req)
    const cause = causeOf(context)
    const shown = []
    let revoked = 0
    let epoch = 0n
    let afterId: string | undefined
    for (let batch = AT_ONCE; batch === AT_ONCE && !(dryRun && revoked > 0); revoked += batch) {
      const done = await actOrRehearse(deps, dryRun, async (tx, now) => {
        const ended = await revokeGrants(tx, now, { chosen: { ...chosen, afterId }, limit: AT_ONCE, reason, cause })
        const drawn = (await epochOf(tx, POLICY_FEED)) ?? (await policyRows.head(tx, POLICY_FEED))
        return {
          count: ended.length,
          last: ended.at(-1)?.id,
          grants: ended.slice(0, SHOWN).map((grant) => grantToWire(grant, now)),
          drawn,
        }
      })
      shown.push(...done.grants)
      batch = done.count
      epoch = done.drawn
      afterId = done.last
    }
    const answer = { revoked, grants: shown.slice(0, SHOWN) }
    if (dryRun) return { ...answer, revoked: await look(deps, (tx) => grants.countUnrevoked(tx, chosen)) }
    return { ...answer, enforcement: await deps.policyFeed.enforced(epoch, context.signal) }
  },
})

function chosenFrom(req: RevokeGrantsRequest): grants.Chosen {
  if (req.peerId === '' && req.resourceKind === '' && !req.issuedBefore)
    throw new Refusal('NOTHING_TO_REVOKE', 'it is not said which grants are to end', {
      next: 'name a peer, a kind, or a moment before which they were issued',
    })
  return {
    peerId: filterId(req.peerId) || undefined,
    resourceKind: req.resourceKind || undefined,
    issuedBefore: req.issuedBefore && dateOf(req.issuedBefore, 'issued_before'),
  }
}
