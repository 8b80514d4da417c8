import type { Clock } from '@powernode/clock'
import type { Health } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { LedgerHealth } from './decisions/ledger-health.ts'
import type { PeerTable } from './peers/peer-table.ts'
import type { HeldPolicy } from './policy/held-policy.ts'

const LOOK_EVERY_MS = 200

type Parts = {
  readonly table: PeerTable
  readonly policy: HeldPolicy
  readonly ledgerHealth: Pick<LedgerHealth, 'isWell'>
  readonly health: Health
  readonly clock: Clock
}

/** A gateway is well while it may decide, the leases on the peers and on the policy both run, and the ledger writes down. */
export async function sayHowWell(
  { table, policy, ledgerHealth, health, clock }: Parts,
  signal: AbortSignal,
): Promise<void> {
  let said: boolean | undefined
  for (; !signal.aborted; await clock.sleep(LOOK_EVERY_MS, signal)) {
    const isWell = table.fresh && policy.fresh && ledgerHealth.isWell
    if (isWell === said) continue
    said = isWell
    for (const service of ['', FederationService.typeName]) health.set(service, isWell)
  }
}
