import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { Follower } from '@powernode/feed'
import type { Logger, Metrics } from '@powernode/process'
import type { PolicyService, WatchPolicyResponse } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { HeldPolicy } from './held-policy.ts'

export type FollowPolicyParts = {
  readonly grants: Client<typeof PolicyService>
  readonly policy: HeldPolicy
  readonly reader: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Keeps the policy as grant-authz has it, in memory, for as long as the lease on it runs. */
export async function followPolicy(parts: FollowPolicyParts, signal: AbortSignal): Promise<void> {
  const { grants, policy, logger, metrics } = parts
  const known = metrics.gauge('fed_gateway_grants', 'Grants in the table that calls are decided by')
  let said = false
  const follower = new Follower<WatchPolicyResponse['update']>({
    ...parts,
    feed: 'policy',
    open: (requests, stop) => grants.watchPolicy(requests, { signal: stop, timeoutMs: 0 }),
    begin: (replaces) => policy.begin(replaces),
    apply: (update) => {
      if (update.case === 'page') policy.apply(update.value)
    },
    settled: (epoch) => policy.settle(epoch),
    whole: (epoch) => {
      policy.whole(epoch)
      known.set(policy.size)
      if (!said) logger.info({ task: 'follow-policy', count: policy.size }, 'the policy is known')
      said = true
    },
  })
  policy.trust(() => follower.fresh)
  await follower.run(signal)
}
