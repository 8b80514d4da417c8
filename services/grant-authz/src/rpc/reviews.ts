import type { ServiceImpl } from '@connectrpc/connect'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { settleReview } from '../operations/reviews/settle-review.ts'
import { verdictOn, type Review } from '../review.ts'
import { askRegistry } from '../reviews/ask-registry.ts'
import { causeOf, enforce, type GrantDeps } from './grant-door.ts'

/** A ring that no note has: what is noted stays noted, and is looked at as well. */
const UNNOTED = 0

/** peer-registry has a peer looked at, and waits for what follows: a relationship has changed. */
export const reviewHandlers = (deps: GrantDeps): Pick<ServiceImpl<typeof GrantAuthzService>, 'reviewPeer'> => ({
  async reviewPeer({ peerId }, context) {
    const { correlationId, traceparent } = causeOf(context)
    const review: Review = { peerId, attempts: 0, rings: UNNOTED, correlationId, traceparent }
    const verdict = verdictOn(await askRegistry(deps.registry, peerId, context.signal))
    const { enforcement } = await enforce(deps, { dryRun: false, signal: context.signal }, (tx, now) =>
      settleReview(tx, now, { review, verdict, sealing: deps.sealing }),
    )
    return enforcement ? { enforcement } : {}
  },
})
