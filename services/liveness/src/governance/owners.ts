import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { createClient, openTransport, type TransportOptions } from '@powernode/rpc'
import type { Config } from '../config.ts'
import type { Owners } from './governance-deps.ts'

/** The roads to those who own what governance looks at: one a server, open until `signal` aborts. */
export function openOwners(
  config: Config,
  way: Omit<TransportOptions, 'address' | 'server'>,
  signal: AbortSignal,
): Owners {
  const road = (server: string, address: TransportOptions['address']) =>
    openTransport({ ...way, server, address }, signal)
  const registry = road('peer-registry', config.peerRegistryAddress)
  const grantAuthz = road('grant-authz', config.grantAuthzAddress)
  return {
    registry: createClient(PeerRegistryService, registry),
    authority: createClient(CertificateAuthorityService, registry),
    notices: createClient(NoticeService, registry),
    versions: createClient(VersionService, registry),
    grants: createClient(GrantAuthzService, grantAuthz),
    residency: createClient(ResidencyService, grantAuthz),
    ledger: createClient(AuditLedgerService, road('audit-ledger', config.auditLedgerAddress)),
  }
}
