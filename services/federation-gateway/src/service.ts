import { systemClock, type Clock } from '@powernode/clock'
import { readTlsFiles, watchTlsFiles, type TlsMaterial } from '@powernode/identity'
import {
  createLogger,
  createMetrics,
  elapsed,
  runTasks,
  serveMetrics,
  type Logger,
  type Metrics,
} from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, createHealth, keepIdentity, mount, resolveEndpoint, serve, type Health } from '@powernode/rpc'
import type { Config } from './config.ts'
import { attendance } from './door/attend.ts'
import { doorMetrics } from './door/door-metrics.ts'
import { Door } from './door/door.ts'
import { federationHandlers } from './door/federation.ts'
import { createGrpcServer, pathsOf, talksOf } from './door/grpc-server.ts'
import { Heartbeats } from './door/heartbeats.ts'
import { machineServices } from './door/machine-services.ts'
import { rateLimit } from './door/rate-limits.ts'
import { Sessions } from './door/sessions.ts'
import { sameTrust, TlsContexts } from './door/tls-contexts.ts'
import { createRecorder, type Visits } from './door/visit.ts'
import { CALLERS, forwarders } from './egress/forward.ts'
import { Outbound } from './egress/outbound.ts'
import { ROAD_CALLERS, roadHandlers } from './egress/roads.ts'
import { followPeers } from './peers/follow-peers.ts'
import { PeerTable } from './peers/peer-table.ts'

const NAME = 'federation-gateway'

/** What a test may hand in instead of the machine's own. */
export type Outside = {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** Told once each, as soon as it listens. */
  readonly onListening?: (ports: { readonly door?: number; readonly inner?: number }) => void
}

/** Everything this process does, in one list. Returns when told to stop, or throws when one part fails. */
export async function run(config: Config, signal: AbortSignal, outside: Outside = {}): Promise<void> {
  const {
    clock = systemClock,
    logger = createLogger(NAME),
    metrics = createMetrics(NAME),
    onListening = () => {},
  } = outside
  const { identityDir: tlsDir, trustDomain } = config
  const own = readTlsFiles(tlsDir, clock.now())
  const closing = new AbortController()
  const way = { tlsDir, trustDomain, clock, logger }
  const registry = createClient(
    PeerRegistryService,
    { ...way, address: config.peerRegistryAddress, server: 'peer-registry' },
    closing.signal,
  )
  const liveness = createClient(
    LivenessService,
    { ...way, address: config.livenessAddress, server: 'liveness' },
    closing.signal,
  )

  const table = new PeerTable(elapsed())
  const heartbeats = new Heartbeats(clock)
  const health = createHealth()
  const deps = { table, clock, logger, metrics }
  const resolve = (url: string) => resolveEndpoint(url, config.addressPolicy)
  const outbound = new Outbound({ ...deps, own, resolve, limits: config.outbound })
  const roads = roadHandlers({
    outbound,
    resolve,
    clock,
    trustDomain,
    connectTimeoutMs: config.outbound.connectTimeoutMs,
  })
  const contexts = new TlsContexts(table, own)
  const sessions = openSessions({ ...deps, config, registry, heartbeats, outbound, health })
  const door = new Door({
    listen: config.listen,
    limits: config.door,
    contexts,
    sessions,
    clock,
    logger,
    metrics: doorMetrics(metrics),
  })

  let shown = own
  function use(material: TlsMaterial): void {
    const trustChanged = !sameTrust(shown, material)
    if (!trustChanged && shown.cert === material.cert) return
    shown = material
    contexts.renew(material)
    door.renew()
    outbound.renew(material)
    if (trustChanged) sessions.reviewOwn()
    logger.info({ serial: material.serial, expires_at: material.notAfter }, 'tls material loaded at the door')
  }

  const onBroken = (error: Error) => logger.error({ error, path: tlsDir }, 'tls material refused')

  try {
    await runTasks(signal, [
      (stop) => followPeers({ ...deps, registry }, stop),
      async (stop) => {
        // Beats go on being recorded until the door has finished the calls it had.
        const closed = new AbortController()
        const recording = heartbeats.run(liveness, logger, closed.signal)
        await door.serve((port) => onListening({ door: port }), stop).finally(() => closed.abort())
        await recording
      },
      (stop) =>
        serve(
          {
            name: NAME,
            listen: config.innerListen,
            tlsDir,
            trustDomain,
            services: [
              mount(FederationService, forwarders({ ...deps, outbound }), CALLERS),
              mount(GatewayService, roads, ROAD_CALLERS),
            ],
            clock,
            logger,
            metrics,
            onListening: (port) => onListening({ inner: port }),
          },
          stop,
        ),
      (stop) => watchTlsFiles({ dir: tlsDir, clock, onChange: use, onBroken }, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      (stop) => keepIdentity({ dir: tlsDir, address: config.peerRegistryAddress, trustDomain, clock, logger }, stop),
    ])
  } finally {
    outbound.close()
    closing.abort()
  }
}

type SessionDeps = {
  readonly config: Config
  readonly table: PeerTable
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly registry: Parameters<typeof federationHandlers>[0]['registry']
  readonly heartbeats: Heartbeats
  readonly outbound: Outbound
  readonly health: Health
}

/** What stands behind the door: two gRPC servers with the same services, one for callers we know and a narrower one for strangers. */
function openSessions({
  config,
  table,
  clock,
  logger,
  metrics,
  registry,
  heartbeats,
  outbound,
  health,
}: SessionDeps): Sessions {
  const visits: Visits = new WeakMap()
  const limits = config.calls
  const parts = { visits, clock, limits }
  const acceptsPerToken = rateLimit(limits.acceptsPerToken, 60)
  const descriptionsPerPeer = rateLimit(DESCRIPTIONS, DESCRIPTIONS_SECONDS)
  const limited = { acceptsPerToken, descriptionsPerPeer }
  const handlers = federationHandlers({ ...parts, ...limited, registry, heartbeats, outbound, table, metrics })
  const served = [{ service: FederationService, handlers }, ...machineServices(parts, health, [FederationService])]
  const paths = pathsOf(served)
  const talks = talksOf(served)
  return new Sessions({
    servers: {
      callers: createGrpcServer(served, limits),
      strangers: createGrpcServer(served, { ...limits, streamsPerConnection: STRANGER_STREAMS }),
    },
    attend: attendance({
      table,
      clock,
      record: createRecorder({ logger, metrics }),
      visits,
      isServed: (path) => paths.has(path),
      isTalk: (path) => talks.has(path),
      messageWithinMs: limits.defaultDeadlineMs,
      limits: {
        callsPerPeer: rateLimit(limits.callsPerPeer, 1),
        acceptsPerSource: rateLimit(limits.acceptsPerSource, 60),
      },
    }),
    table,
    ownDomain: config.trustDomain,
    limits: config.door,
    clock,
    metrics: doorMetrics(metrics),
  })
}

/** How often a peer may describe itself: a platform does when its operator changes something, and when it starts. */
const DESCRIPTIONS = 20
const DESCRIPTIONS_SECONDS = 600

/** Calls at a time on a stranger's connection: it has come to redeem one invitation. */
const STRANGER_STREAMS = 4
