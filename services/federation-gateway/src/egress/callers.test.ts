import { test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics } from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { mount, Refusal, type ResolvedEndpoint } from '@powernode/rpc'
import { refusesEverybodyElse, startTestServer } from '@powernode/rpc/testing'
import type { TlsMaterial } from '@powernode/identity'
import { configFrom } from '../config.ts'
import { talkTo } from '../decisions/testing.ts'
import { Decisions } from '../decisions/decisions.ts'
import { PeerTable } from '../peers/peer-table.ts'
import { Turns } from '../door/turns.ts'
import { HeldPolicy } from '../policy/held-policy.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { CALLERS, forwarders } from './forward.ts'
import { EndpointMemory } from './endpoint-memory.ts'
import { Outbound } from './outbound.ts'
import { ROAD_CALLERS, roadHandlers } from '../roads/roads.ts'

test('every call outward is refused to everybody whom its table does not name', async () => {
  const { outbound: limits } = configFrom({
    FEDERATION_LISTEN: '127.0.0.1:0',
    INNER_LISTEN: '127.0.0.1:0',
    PEER_REGISTRY_ADDRESS: '127.0.0.1:1',
    LIVENESS_ADDRESS: '127.0.0.1:1',
    GRANT_AUTHZ_ADDRESS: '127.0.0.1:1',
    AUDIT_LEDGER_ADDRESS: '127.0.0.1:1',
    SPAWN_PROVISIONER_ADDRESS: '127.0.0.1:1',
    SDWAN_COMPILER_ADDRESS: '127.0.0.1:1',
    IDENTITY_DIR: '/nowhere',
    TRUST_DOMAIN: 'a.example',
    METRICS_PORT: '0',
  })
  const deps = {
    table: new PeerTable(),
    clock: systemClock,
    logger: createLogger('test', { level: 'silent' }),
    metrics: createMetrics('test'),
  }
  const resolve = async (): Promise<ResolvedEndpoint> => {
    throw new Refusal('PEER_UNREACHABLE', 'nobody is called here')
  }
  const own: TlsMaterial = {
    cert: '',
    key: '',
    ca: '',
    notBefore: systemClock.now(),
    notAfter: systemClock.now(),
    spiffeId: { trustDomain: 'a.example', kind: 'service', name: 'federation-gateway' },
    serial: '1',
  }
  const memory = new EndpointMemory(deps)
  const outbound = new Outbound({ ...deps, own, resolve, memory, limits })
  const roads = roadHandlers({ ...deps, outbound, resolve, names: () => resolve, memory, limits })
  const grants = startTestServer().clientAs(GrantAuthzService, undefined)
  const ledger = startTestServer().clientAs(AuditLedgerService, undefined)
  const nobody = {
    policy: new HeldPolicy(),
    decisions: new Decisions({ ...deps, ledger, openTalk: talkTo(ledger), turns: new Turns() }),
    grants,
    consume: async () => false,
  }
  const server = startTestServer(
    mount(FederationService, forwarders({ ...deps, ...nobody, outbound }), CALLERS),
    mount(GatewayService, roads, ROAD_CALLERS),
  )
  await refusesEverybodyElse(FederationService, CALLERS, server.clientAs)
  await refusesEverybodyElse(GatewayService, ROAD_CALLERS, server.clientAs)
})
