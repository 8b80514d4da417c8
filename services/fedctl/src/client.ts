import type { DescService } from '@bufbuild/protobuf'
import type { Client, Transport } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, openTransport } from '@powernode/rpc'
import type { Context, ServiceName } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'

/** A platform's services. Each is connected to when it is first called, over mTLS as the context's operator. */
export type Clients = {
  readonly peers: Client<typeof PeerRegistryService>
  readonly authority: Client<typeof CertificateAuthorityService>
  readonly liveness: Client<typeof LivenessService>
  readonly ledger: Client<typeof AuditLedgerService>
  readonly grants: Client<typeof GrantAuthzService>
  readonly health: (service: ServiceName) => Client<typeof Health>
  close(): void
}

export function connect(context: Context, clock: Clock): Clients {
  const open = new AbortController()
  const transports = new Map<ServiceName, Transport>()
  const logger = createLogger('fedctl', { level: 'silent' })

  function transportTo(server: ServiceName): Transport {
    const known = transports.get(server)
    if (known) return known
    const { trustDomain, identityDir: tlsDir } = context
    const address = addressOf(context, server)
    const transport = openTransport({ address, server, trustDomain, tlsDir, clock, logger }, open.signal)
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
    get liveness() {
      return client(LivenessService, 'liveness')
    },
    get ledger() {
      return client(AuditLedgerService, 'audit-ledger')
    },
    get grants() {
      return client(GrantAuthzService, 'grant-authz')
    },
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
