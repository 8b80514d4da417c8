import { createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import { OPEN_GATE } from '@powernode/approvals/testing'
import { systemClock } from '@powernode/clock'
import { Feed } from '@powernode/feed'
import { createLogger, createMetrics } from '@powernode/process'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { partly, startTestServer } from '@powernode/rpc/testing'
import { peerSource, PEERS } from '../src/feed/peer-source.ts'
import { TrustFeed } from '../src/feed/trust-feed.ts'
import { authorityHandlers } from '../src/rpc/authority.ts'
import { borderHandlers } from '../src/rpc/border.ts'
import { AUTHORITY_CALLERS, PEER_CALLERS } from '../src/rpc/callers.ts'
import { invitationHandlers } from '../src/rpc/invitations.ts'
import { peerHandlers } from '../src/rpc/peers.ts'
import { relationshipHandlers } from '../src/rpc/relationship.ts'
import { SCHEMA, type TestPlatform } from './platform.ts'

/** The doors of a registry as its process opens them, in memory; `gateway` is what the roads to peers answer. */
export function openDoors(
  of: TestPlatform,
  gateway: Partial<ServiceImpl<typeof GatewayService>> = {},
  gate: Gate = OPEN_GATE,
) {
  const stop = new AbortController()
  const clock = { now: () => of.clock.now(), sleep: systemClock.sleep }
  const logger = createLogger('doors', { level: 'silent' })
  const database = { url: of.url, schema: SCHEMA, applicationName: 'doors-under-test' }
  const source = peerSource({ us: of.us, logger })
  const feed = new Feed({ db: of.db, database, clock, logger, metrics: createMetrics('doors'), feed: PEERS, source })
  const trust = new TrustFeed({ db: of.db, database, clock, logger })
  const running = Promise.all([feed.run(stop.signal), trust.run(stop.signal)])
  const roads = createClient(
    GatewayService,
    createRouterTransport(({ service }) => void service(GatewayService, partly(GatewayService, { listEndpoints: () => ({}), ...gateway }))), // prettier-ignore
  )
  const grants = createClient(
    GrantAuthzService,
    createRouterTransport(({ service }) => void service(GrantAuthzService, partly(GrantAuthzService, { reviewPeer: () => ({}) }))), // prettier-ignore
  )
  const deps = { gate, grants, db: of.db, clock, us: of.us, feed, trust, roads, logger }
  const server = startTestServer(
    mount(PeerRegistryService, { ...peerHandlers(deps), ...invitationHandlers(deps), ...borderHandlers(deps), ...relationshipHandlers(deps) }, PEER_CALLERS), // prettier-ignore
    mount(CertificateAuthorityService, authorityHandlers(deps), AUTHORITY_CALLERS),
  )
  const close = async () => {
    stop.abort()
    server.stop()
    await running
  }
  return { ...server, close }
}
