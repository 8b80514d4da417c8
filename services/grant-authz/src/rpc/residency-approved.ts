import { durationMs } from '@bufbuild/protobuf/wkt'
import { eitherOf, executor, type Executor } from '@powernode/approvals'
import { epochOf } from '@powernode/feed'
import {
  CreateOverrideRequestSchema,
  SetDataResidencyRequestSchema,
  type CreateOverrideRequest,
  type SetDataResidencyRequest,
} from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { POLICY_FEED } from '../feed/policy-part.ts'
import { createOverride } from '../operations/residency/overrides.ts'
import { setDataResidency } from '../operations/residency/set-data-residency.ts'
import { modeFrom } from '../residency.ts'
import type { Tables } from '../store/tables.ts'
import type { GrantDeps } from './grant-door.ts'
import { RESIDENCY, ruleExecutor } from './residency-rule-acts.ts'

/** What of residency may have to be approved first, and how it is carried out afterwards: by the verbs of the RPCs. */
export function residencyExecutors({
  policyFeed,
}: Pick<GrantDeps, 'policyFeed'>): Readonly<Record<string, Executor<Tables>>> {
  return {
    // oxlint-disable-next-line max-params -- a verb, with the request in its place
    [RESIDENCY]: eitherOf(
      ruleExecutor({ policyFeed }),
      executor(SetDataResidencyRequestSchema, async (tx, now, request, by) => {
        await setDataResidency(tx, now, { ...residencySaid(request), by })
        const epoch = await epochOf(tx, POLICY_FEED)
        return async (signal) => {
          if (epoch !== undefined) await policyFeed.enforced(epoch, signal)
        }
      }),
    ),
    // oxlint-disable-next-line max-params -- a verb, with the request in its place
    'federation.residency_override': executor(CreateOverrideRequestSchema, async (tx, now, request, by) => {
      await createOverride(tx, now, { ...overrideSaid(request), by })
    }),
  }
}

export function residencySaid({ peerId, dataResidency, mode, reason, located }: SetDataResidencyRequest) {
  return { peerId: peerId.toLowerCase(), tag: dataResidency || undefined, mode: modeFrom(mode), reason, located }
}

export function overrideSaid({ peerId, resourceKind, resourceId, reason, ttl }: CreateOverrideRequest) {
  return { peerId: peerId.toLowerCase(), resourceKind, resourceId, reason, ttlMs: ttl && durationMs(ttl) }
}
