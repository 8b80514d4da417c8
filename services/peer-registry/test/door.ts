import { createClient, createRouterTransport, type Interceptor, type ServiceImpl } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import { OPEN_GATE } from '@powernode/approvals/testing'
import { systemClock } from '@powernode/clock'
import { Feed } from '@powernode/feed'
import { testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { AcceptanceService } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { mount, toConnectError } from '@powernode/rpc'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { partly, startTestServer } from '@powernode/rpc/testing'
import { peerSource, PEERS } from '../src/feed/peer-source.ts'
import { TrustFeed } from '../src/feed/trust-feed.ts'
import { ACCEPTANCE_CALLERS, acceptanceHandlers } from '../src/rpc/acceptance.ts'
import { authorityHandlers } from '../src/rpc/authority.ts'
import { borderHandlers } from '../src/rpc/border.ts'
import { AUTHORITY_CALLERS, PEER_CALLERS, VERSION_CALLERS } from '../src/rpc/callers.ts'
import { invitationHandlers } from '../src/rpc/invitations.ts'
import { NOTICE_CALLERS, noticeHandlers } from '../src/rpc/notices.ts'
import { peerHandlers } from '../src/rpc/peers.ts'
import { relationshipHandlers } from '../src/rpc/relationship.ts'
import { redeemingHandlers } from '../src/rpc/redeeming.ts'
import { spawningHandlers } from '../src/rpc/spawning.ts'
import { versionHandlers } from '../src/rpc/versions.ts'
import { SCHEMA, type TestPlatform } from './platform.ts'

/** What a real server does at its edge. */
const REFUSALS_PASS = {
  router: {
    interceptors: [
      ((next) => (req) => next(req).catch((error: unknown) => Promise.reject(toConnectError(error)))) as Interceptor,
    ],
  },
}

/** The doors of a registry as its process opens them, in memory; `gateway` is what the roads to peers answer. */
// oxlint-disable-next-line max-params -- the platform, and what each of its neighbours is
export function openDoors(
  of: TestPlatform,
  gateway: Partial<ServiceImpl<typeof GatewayService>> = {},
  gate: Gate = OPEN_GATE,
  provisioner: Partial<ServiceImpl<typeof SpawnService>> = {},
) {
  const stop = new AbortController()
  const clock = { ...systemClock, now: () => of.clock.now() }
  const logger = createLogger('doors', { level: 'silent' })
  const listener = testListener({ url: of.url, schema: SCHEMA })
  const source = peerSource({ us: of.us, logger })
  const feed = new Feed({
    db: of.db,
    listener,
    schema: SCHEMA,
    clock,
    logger,
    metrics: createMetrics('doors'),
    feed: PEERS,
    source,
  })
  const trust = new TrustFeed({ db: of.db, listener, clock, logger })
  const running = Promise.all([feed.run(stop.signal), trust.run(stop.signal)])
  const roads = createClient(
    GatewayService,
    createRouterTransport(({ service }) => void service(GatewayService, partly(GatewayService, { listEndpoints: () => ({}), ...gateway }))), // prettier-ignore
  )
  const grants = createClient(
    GrantAuthzService,
    createRouterTransport(({ service }) => void service(GrantAuthzService, partly(GrantAuthzService, { reviewPeer: () => ({}) }))), // prettier-ignore
  )
  const spawns = createClient(
    SpawnService,
    createRouterTransport(
      ({ service }) => void service(SpawnService, partly(SpawnService, provisioner)),
      REFUSALS_PASS,
    ),
  )
  const deps = { gate, grants, spawns, db: of.db, clock, us: of.us, feed, trust, roads, logger }
  const server = startTestServer(
    mount(PeerRegistryService, { ...peerHandlers(deps), ...invitationHandlers(deps), ...borderHandlers(deps), ...relationshipHandlers(deps), ...spawningHandlers(deps), ...redeemingHandlers(deps) }, PEER_CALLERS), // prettier-ignore
    mount(AcceptanceService, acceptanceHandlers(deps), ACCEPTANCE_CALLERS),
    mount(CertificateAuthorityService, authorityHandlers(deps), AUTHORITY_CALLERS),
    mount(NoticeService, noticeHandlers(deps), NOTICE_CALLERS),
    mount(VersionService, versionHandlers(deps), VERSION_CALLERS),
  )
  const close = async () => {
    stop.abort()
    server.stop()
    await running
  }
  return { ...server, close }
}
