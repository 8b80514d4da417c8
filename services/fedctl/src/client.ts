import type { DescService } from '@bufbuild/protobuf'
import type { Client, Transport } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { AcceptanceService } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { DoctorService } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { ServiceLevelService } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import { RemediationService } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { CatalogueService } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { createClient, openTransport } from '@powernode/rpc'
import type { Context, ServiceName } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'

/** A platform's services. Each is connected to when it is first called, over mTLS as the context's operator. */
export type Clients = {
  readonly peers: Client<typeof PeerRegistryService>
  readonly authority: Client<typeof CertificateAuthorityService>
  readonly acceptance: Client<typeof AcceptanceService>
  readonly versions: Client<typeof VersionService>
  readonly liveness: Client<typeof LivenessService>
  readonly remediation: Client<typeof RemediationService>
  readonly levels: Client<typeof ServiceLevelService>
  readonly governance: Client<typeof GovernanceService>
  readonly notices: Client<typeof NoticeService>
  readonly ledger: Client<typeof AuditLedgerService>
  readonly grants: Client<typeof GrantAuthzService>
  readonly approvals: Client<typeof ApprovalService>
  readonly operators: Client<typeof OperatorService>
  readonly residency: Client<typeof ResidencyService>
  readonly catalogue: Client<typeof CatalogueService>
  readonly spawning: Client<typeof SpawnService>
  readonly network: Client<typeof SdwanService>
  /** Calls to other platforms, through our own gateway. */
  readonly border: Client<typeof FederationService>
  readonly doctor: Client<typeof DoctorService>
  /** The way to one service, for what asks many. */
  readonly road: (service: ServiceName) => Transport
  readonly health: (service: ServiceName) => Client<typeof Health>
  close(): void
}

/** A person, or a script, waits for a busy platform sooner than it asks again what may have been done. */
const DEADLINE_MS = 30_000

export function connect(context: Context, clock: Clock): Clients {
  const open = new AbortController()
  const transports = new Map<ServiceName, Transport>()
  const logger = createLogger('fedctl', { level: 'silent' })

  function transportTo(server: ServiceName): Transport {
    const known = transports.get(server)
    if (known) return known
    const { trustDomain, identityDir: tlsDir } = context
    const address = addressOf(context, server)
    const transport = openTransport(
      { address, server, trustDomain, tlsDir, clock, logger, deadlineMs: DEADLINE_MS },
      open.signal,
    )
    transports.set(server, transport)
    return transport
  }
  const client = <S extends DescService>(service: S, server: ServiceName): Client<S> =>
    createClient(service, transportTo(server))

  return {
    get peers() {
      return client(PeerRegistryService, 'peer-registry')
    },
    get authority() {
      return client(CertificateAuthorityService, 'peer-registry')
    },
    get acceptance() {
      return client(AcceptanceService, 'peer-registry')
    },
    get versions() {
      return client(VersionService, 'peer-registry')
    },
    get remediation() {
      return client(RemediationService, 'liveness')
    },
    get levels() {
      return client(ServiceLevelService, 'liveness')
    },
    get liveness() {
      return client(LivenessService, 'liveness')
    },
    get notices() {
      return client(NoticeService, 'peer-registry')
    },
    get governance() {
      return client(GovernanceService, 'liveness')
    },
    get ledger() {
      return client(AuditLedgerService, 'audit-ledger')
    },
    get grants() {
      return client(GrantAuthzService, 'grant-authz')
    },
    get approvals() {
      return client(ApprovalService, 'grant-authz')
    },
    get operators() {
      return client(OperatorService, 'grant-authz')
    },
    get residency() {
      return client(ResidencyService, 'grant-authz')
    },
    get catalogue() {
      return client(CatalogueService, 'grant-authz')
    },
    get spawning() {
      return client(SpawnService, 'spawn-provisioner')
    },
    get network() {
      return client(SdwanService, 'sdwan-compiler')
    },
    get border() {
      return client(FederationService, 'federation-gateway')
    },
    get doctor() {
      return client(DoctorService, 'liveness')
    },
    road: transportTo,
    health: (server) => client(Health, server),
    close: () => open.abort(),
  }
}

function addressOf({ services, file }: Context, server: ServiceName): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(services[server] ?? '') ?? []
  if (host) return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
  throw new Problem({
    reason: 'CONTEXT',
    message: `the context does not say where ${server} is`,
    next: `add "${server}": "host:port" to "services" in ${file}`,
    exitCode: EXIT.usage,
  })
}
