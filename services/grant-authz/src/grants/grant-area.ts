import { Feed } from '@powernode/feed'
import type { SealingKey } from '@powernode/identity'
import { inTransaction, SEALING_TROUBLE, type Listener } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { mount, type Mount } from '@powernode/rpc'
import { POLICY_FEED } from '../feed/policy-part.ts'
import { policySource, type PolicyUpdate } from '../feed/policy.ts'
import { runNotices } from '../notices/run-notices.ts'
import { resealBearers } from '../operations/received/reseal-bearers.ts'
import type { Border } from '../notices/send-notice.ts'
import type { Registry } from '../reviews/ask-registry.ts'
import { runReviews } from '../reviews/run-reviews.ts'
import { GRANT_CALLERS, POLICY_CALLERS } from '../rpc/callers.ts'
import type { DoorDeps } from '../rpc/door.ts'
import { grantHandlers } from '../rpc/grant-service.ts'
import { policyHandlers } from '../rpc/policy-feed.ts'
import type { Tables } from '../store/tables.ts'
import { sweep, SWEEPS } from '../sweeps.ts'
import { measureGrants } from './measure-grants.ts'

export type GrantAreaDeps = DoorDeps & {
  readonly listener: Listener
  readonly schema: string
  readonly registry: Registry
  readonly border: Border
  readonly sealing: SealingKey
  readonly leaseMs: number
  readonly logger: Logger
  readonly metrics: Metrics
}

export type GrantArea = {
  /** Whoever changes what gateways decide on waits here until they know. */
  readonly policyFeed: Feed<Tables, PolicyUpdate>
  readonly mounts: readonly Mount[]
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that concerns grants in this process: who is given them, who hears of them, and what time does to them. */
export async function openGrantArea(deps: GrantAreaDeps): Promise<GrantArea> {
  const { sealing } = deps
  const { standing, newest, resealed, lost } = await inTransaction(deps.db, (tx) => resealBearers(tx, sealing))
  if (standing !== 'newest') deps.logger.error({ reason: newest }, SEALING_TROUBLE[standing])
  if (resealed > 0)
    deps.logger.info({ count: resealed }, 'bearers are sealed under the new key; the previous one can go')
  if (lost > 0) deps.logger.error({ count: lost }, 'bearers cannot be opened, since they were sealed under another key: their grants have to be given anew') // prettier-ignore
  const policyFeed = new Feed({ ...deps, feed: POLICY_FEED, source: policySource })
  const area = { ...deps, policyFeed }
  return {
    policyFeed,
    mounts: [
      mount(GrantAuthzService, grantHandlers(area), GRANT_CALLERS),
      mount(PolicyService, policyHandlers(area), POLICY_CALLERS),
    ],
    tasks: [
      (signal) => policyFeed.run(signal),
      (signal) => runReviews(area, signal),
      (signal) => runNotices(area, signal),
      (signal) => measureGrants(area, signal),
      ...Object.keys(SWEEPS).map((name) => (signal: AbortSignal) => sweep(area, name, signal)),
    ],
  }
}
