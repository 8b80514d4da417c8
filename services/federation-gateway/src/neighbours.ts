import type { Clock } from '@powernode/clock'
import { followOperators, type OperatorDirectory } from '@powernode/operators'
import type { Logger, Metrics } from '@powernode/process'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { DoctorService } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { createClient, openTalks, openTransport, type OpenTalk } from '@powernode/rpc'
import type { Client } from '@connectrpc/connect'
import type { Config } from './config.ts'
import { Owners } from './owners/owners.ts'

/** Everybody of this platform whom the gateway asks or tells. */
export type Neighbours = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly registryNotices: Client<typeof NoticeService>
  readonly liveness: Client<typeof LivenessService>
  readonly doctor: Client<typeof DoctorService>
  readonly ledger: Client<typeof AuditLedgerService>
  /** For its stream of entries. */
  readonly openTalk: OpenTalk
  readonly ledgerHealth: Client<typeof Health>
  readonly grants: Client<typeof GrantAuthzService>
  readonly policyFeed: Client<typeof PolicyService>
  /** Uses an override up for one decision. When that cannot be had, it is as if there were none. */
  readonly consume: (overrideId: string, decisionId: string) => Promise<boolean>
  readonly spawns: Client<typeof SpawnService>
  readonly sdwan: Client<typeof SdwanService>
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
  const peerRegistry = roadTo('peer-registry', config.peerRegistryAddress)
  const liveness = roadTo('liveness', config.livenessAddress)
  const grantAuthz = roadTo('grant-authz', config.grantAuthzAddress)
  const residency = createClient(ResidencyService, grantAuthz)
  const ledger = roadTo('audit-ledger', config.auditLedgerAddress)
  const owners = new Owners(way)
  signal.addEventListener('abort', () => owners.close(), { once: true })
  return {
    registry: createClient(PeerRegistryService, peerRegistry),
    registryNotices: createClient(NoticeService, peerRegistry),
    liveness: createClient(LivenessService, liveness),
    doctor: createClient(DoctorService, liveness),
    ledger: createClient(AuditLedgerService, ledger),
    openTalk: openTalks({ ...way, address: config.auditLedgerAddress, server: 'audit-ledger' }, signal),
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
    spawns: createClient(SpawnService, roadTo('spawn-provisioner', config.spawnProvisionerAddress)),
    sdwan: createClient(SdwanService, roadTo('sdwan-compiler', config.sdwanCompilerAddress)),
    owners,
    operators: followOperators({ ...way, address: config.grantAuthzAddress, reader: name, metrics }, signal),
  }
}
