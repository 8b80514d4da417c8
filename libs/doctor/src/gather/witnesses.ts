import type { DescService } from '@bufbuild/protobuf'
import type { Client, Transport } from '@connectrpc/connect'
import { AcceptanceService } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { RemediationService } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'

/** Servers that know something of a peering. */
export type Server =
  | 'peer-registry'
  | 'federation-gateway'
  | 'liveness'
  | 'audit-ledger'
  | 'grant-authz'
  | 'spawn-provisioner'
  | 'sdwan-compiler'

export type Witnesses = ReturnType<typeof witnessesBy>

/** All who are asked. `road` opens the way to a server when it is first needed, and may throw when nobody knows where it is. */
export function witnessesBy(road: (server: Server) => Transport) {
  const known = new Map<DescService, unknown>()
  const client = <S extends DescService>(service: S, server: Server): Client<S> => {
    const kept = known.get(service) ?? createClient(service, road(server))
    known.set(service, kept)
    return kept as Client<S> // kept under this very service
  }
  return {
    peers: () => client(PeerRegistryService, 'peer-registry'),
    versions: () => client(VersionService, 'peer-registry'),
    acceptances: () => client(AcceptanceService, 'peer-registry'),
    roads: () => client(GatewayService, 'federation-gateway'),
    border: () => client(FederationService, 'federation-gateway'),
    liveness: () => client(LivenessService, 'liveness'),
    remediation: () => client(RemediationService, 'liveness'),
    governance: () => client(GovernanceService, 'liveness'),
    grants: () => client(GrantAuthzService, 'grant-authz'),
    approvals: () => client(ApprovalService, 'grant-authz'),
    ledger: () => client(AuditLedgerService, 'audit-ledger'),
    spawning: () => client(SpawnService, 'spawn-provisioner'),
    network: () => client(SdwanService, 'sdwan-compiler'),
  }
}
