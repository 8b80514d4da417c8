import type { Clock } from '@powernode/clock'
import { followOperators, type OperatorDirectory } from '@powernode/operators'
import type { Logger, Metrics } from '@powernode/process'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { createClient, openTransport } from '@powernode/rpc'
import type { Client } from '@connectrpc/connect'
import type { Config } from './config.ts'
import { Owners } from './owners/owners.ts'

/** Everybody of this platform whom the gateway asks or tells. */
export type Neighbours = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly liveness: Client<typeof LivenessService>
  readonly ledger: Client<typeof AuditLedgerService>
  readonly ledgerHealth: Client<typeof Health>
  readonly grants: Client<typeof GrantAuthzService>
  readonly policyFeed: Client<typeof PolicyService>
  /** Uses an override up for one decision. When that cannot be had, it is as if there were none. */
  readonly consume: (overrideId: string, decisionId: string) => Promise<boolean>
  readonly owners: Owners
  readonly operators: OperatorDirectory
}

type Parts = {
  readonly config: Config
  readonly name: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Opens the roads to them, each over mTLS; they close with `signal`. */
export function meetNeighbours({ config, name, clock, logger, metrics }: Parts, signal: AbortSignal): Neighbours {
  const { identityDir: tlsDir, trustDomain } = config
  const way = { tlsDir, trustDomain, clock, logger }
  const roadTo = (server: string, address: Config['livenessAddress']) =>
    openTransport({ ...way, address, server }, signal)
  const grantAuthz = roadTo('grant-authz', config.grantAuthzAddress)
  const residency = createClient(ResidencyService, grantAuthz)
  const ledger = roadTo('audit-ledger', config.auditLedgerAddress)
  const owners = new Owners(way)
  signal.addEventListener('abort', () => owners.close(), { once: true })
  return {
    registry: createClient(PeerRegistryService, roadTo('peer-registry', config.peerRegistryAddress)),
    liveness: createClient(LivenessService, roadTo('liveness', config.livenessAddress)),
    ledger: createClient(AuditLedgerService, ledger),
    ledgerHealth: createClient(Health, ledger),
    grants: createClient(GrantAuthzService, grantAuthz),
    policyFeed: createClient(PolicyService, grantAuthz),
    async consume(overrideId, decisionId) {
      try {
        return (await residency.consumeOverride({ overrideId, decisionId })).consumed
      } catch (error) {
        logger.warn({ decision_id: decisionId, error }, 'an override could not be used')
        return false // refused, as it would be without one
      }
    },
    owners,
    operators: followOperators({ ...way, address: config.grantAuthzAddress, reader: name, metrics }, signal),
  }
}
