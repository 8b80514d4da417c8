import { systemClock, type Clock } from '@powernode/clock'
import { readTlsFiles, watchTlsFiles, type TlsMaterial } from '@powernode/identity'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger, type Metrics } from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { createHealth, keepIdentity, mount, resolveEndpoint, serve } from '@powernode/rpc'
import { openVitals } from '@powernode/vitals'
import type { Config } from './config.ts'
import { Decider } from './decisions/decider.ts'
import { Decisions } from './decisions/decisions.ts'
import { LedgerHealth } from './decisions/ledger-health.ts'
import { stillAdmitted } from './door/admission.ts'
import { Arrivals } from './door/arrivals.ts'
import { doorMetrics } from './door/door-metrics.ts'
import { Door } from './door/door.ts'
import { Heartbeats } from './door/heartbeats.ts'
import { openSessions } from './door/open-sessions.ts'
import { sameTrust, TlsContexts } from './door/tls-contexts.ts'
import { Turns } from './door/turns.ts'
import { Watches } from './door/watches.ts'
import { CALLERS, forwarders } from './egress/forward.ts'
import { EndpointMemory } from './egress/endpoint-memory.ts'
import { Outbound } from './egress/outbound.ts'
import { sayHowWell } from './health.ts'
import { meetNeighbours } from './neighbours.ts'
import { followPeers } from './peers/follow-peers.ts'
import { PeerTable } from './peers/peer-table.ts'
import { followPolicy } from './policy/follow-policy.ts'
import { HeldPolicy } from './policy/held-policy.ts'
import { inTurn } from './roads/names.ts'
import { ROAD_CALLERS, roadHandlers } from './roads/roads.ts'

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
  const neighbours = meetNeighbours({ config, name: NAME, clock, logger, metrics }, closing.signal)
  const { registry, liveness, ledger, policyFeed, operators, consume } = neighbours

  const table = new PeerTable()
  const policy = new HeldPolicy()
  const heartbeats = new Heartbeats(clock)
  const health = createHealth()
  const turns = new Turns()
  const deps = { table, policy, clock, logger, metrics, turns }
  const decisions = new Decisions({ ...deps, ledger, openTalk: neighbours.openTalk })
  const ledgerHealth = new LedgerHealth({ ...deps, health: neighbours.ledgerHealth })
  const admitted = stillAdmitted(table, clock)
  const decider = new Decider({ ...deps, decisions, admitted, consume })
  const watches = new Watches(policy, table, config.calls.watchesPerPeer)
  const arrivals = new Arrivals(config.calls.defaultDeadlineMs)
  const resolve = (url: string) => resolveEndpoint(url, config.addressPolicy)
  const outward = { ...deps, resolve, memory: new EndpointMemory(deps), limits: config.outbound }
  const outbound = new Outbound({ ...outward, own })
  const roads = roadHandlers({ ...outward, outbound, names: inTurn(resolve) })
  const vitals = openVitals({ name: NAME, clock, tlsDir })
  const contexts = new TlsContexts(table, own)
  const sessions = openSessions({
    ...deps,
    config,
    neighbours,
    heartbeats,
    decider,
    watches,
    arrivals,
    outbound,
    health,
  })
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
      (stop) => operators.run(stop),
      (stop) => followPeers({ ...deps, registry, reader: NAME }, stop),
      (stop) => followPolicy({ ...deps, grants: policyFeed, reader: NAME }, stop),
      (stop) => watches.run(clock, stop),
      (stop) => arrivals.run(clock, stop),
      (stop) => ledgerHealth.run(stop),
      (stop) => sayHowWell({ ...deps, ledgerHealth, health }, stop),
      async (stop) => {
        // Beats and decisions go on being recorded until the door has finished the calls it had.
        const closed = new AbortController()
        const recording = [heartbeats.run(liveness, logger, closed.signal), decisions.run(closed.signal)]
        await door.serve((port) => onListening({ door: port }), stop).finally(() => closed.abort())
        await Promise.all(recording)
      },
      (stop) =>
        serve(
          {
            name: NAME,
            listen: config.innerListen,
            tlsDir,
            trustDomain,
            services: [
              mount(FederationService, forwarders({ ...deps, ...neighbours, decisions, outbound }), CALLERS),
              mount(GatewayService, roads, ROAD_CALLERS),
              vitals.mount,
            ],
            operators,
            health,
            clock,
            logger,
            metrics,
            onListening: (port) => onListening({ inner: port }),
          },
          stop,
        ),
      (stop) => watchTlsFiles({ dir: tlsDir, clock, onChange: use, onBroken }, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      (stop) =>
        keepIdentity(
          { dir: tlsDir, address: config.peerRegistryAddress, trustDomain, clock, logger, onRenewal: vitals.onRenewal },
          stop,
        ),
    ])
  } finally {
    outbound.close()
    closing.abort()
  }
}
