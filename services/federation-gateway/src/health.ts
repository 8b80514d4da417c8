import type { Clock } from '@powernode/clock'
import type { Health } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerTable } from './peers/peer-table.ts'
import type { HeldPolicy } from './policy/held-policy.ts'

const LOOK_EVERY_MS = 50

type Parts = {
  readonly table: PeerTable
  readonly policy: HeldPolicy
  readonly health: Health
  readonly clock: Clock
}

/** A gateway is well while it may decide: the leases on the peers and on the policy both run. */
export async function sayHowWell({ table, policy, health, clock }: Parts, signal: AbortSignal): Promise<void> {
  let said: boolean | undefined
  for (; !signal.aborted; await clock.sleep(LOOK_EVERY_MS, signal)) {
    const isWell = table.fresh && policy.fresh
    if (isWell === said) continue
    said = isWell
    for (const service of ['', FederationService.typeName]) health.set(service, isWell)
  }
}
