import { epochOf } from '@powernode/feed'
import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { POLICY_FEED } from '../feed/policy-part.ts'
import type { GrantTx } from '../store/tables.ts'
import { actOrRehearse, type DoorDeps } from './door.ts'

/** Who waits until no live gateway can act on what was before an epoch. */
export type Enforcer = { readonly enforced: (epoch: bigint, signal?: AbortSignal) => Promise<Enforcement> }

export type EnforcingDeps = DoorDeps & { readonly policy: Enforcer }

/** As actOrRehearse, and returns only when what was taken away by it can no longer be used. */
export async function actAndEnforce<Result>(
  deps: EnforcingDeps,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
  verb: (tx: GrantTx, now: Date) => Promise<Result>,
): Promise<{ readonly result: Result; readonly enforcement: { enforcement?: Enforcement } }> {
  const { result, epoch } = await actOrRehearse(deps, dryRun, async (tx, now) => {
    const done = await verb(tx, now)
    return { result: done, epoch: await epochOf(tx, POLICY_FEED) }
  })
  if (dryRun || epoch === undefined) return { result, enforcement: {} }
  return { result, enforcement: { enforcement: await deps.policy.enforced(epoch, signal) } }
}
