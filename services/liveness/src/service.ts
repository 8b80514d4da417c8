import { systemClock, type Clock } from '@powernode/clock'
import { openBus, relay } from '@powernode/events'
import { readTlsFiles } from '@powernode/identity'
import { followOperators } from '@powernode/operators'
import { Listener, openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, keepIdentity, mount, openTransport, serve } from '@powernode/rpc'
import { openVitals } from '@powernode/vitals'
import type { Config } from './config.ts'
import { createPeerFeed } from './feed/peer-feed.ts'
import { openDoctor } from './doctor/open-doctor.ts'
import { openGovernanceArea } from './governance/governance-area.ts'
import { openOwners } from './governance/owners.ts'
import { ledgerHeads } from './heads/ledger-heads.ts'
import { beatMetrics } from './metrics/beat-metrics.ts'
import { leadBeats } from './out-beats/lead-beats.ts'
import { openLevelArea } from './level/level-area.ts'
import { Tally } from './level/tally.ts'
import { createRecorder } from './recorder/recorder.ts'
import { CALLERS, handlers } from './rpc.ts'
import type { Tables } from './store/tables.ts'
import { measureAge, sweepSilent } from './sweeps.ts'
import { Ear } from './watch/ear.ts'
import { openWatchArea } from './watch/watch-area.ts'

const NAME = 'liveness'
const SCHEMA = 'liveness'
export const MIGRATIONS = new URL('../migrations', import.meta.url)

/** What a test may hand in instead of the machine's own. */
export type Outside = {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly onListening?: (port: number) => void
}

/** Everything this process does, in one list. Returns when told to stop, or throws when one part fails. */
export async function run(config: Config, signal: AbortSignal, outside: Outside = {}): Promise<void> {
  const { clock = systemClock, logger = createLogger(NAME), onListening } = outside
  const { identityDir: tlsDir, trustDomain } = config
  readTlsFiles(tlsDir) // ends what has no identity that can be used before anything is open
  const registryMetrics = createMetrics(NAME)
  const metrics = beatMetrics(registryMetrics)
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  const db = openDb<Tables>(database)
  const listener = new Listener({ ...database, clock, logger })
  const bus = await openBus({ servers: config.natsUrl, tlsDir, name: NAME, clock, logger })
  const way = { trustDomain, tlsDir, clock, logger }
  const closing = new AbortController()
  const open = AbortSignal.any([signal, closing.signal])
  const registry = createClient(
    PeerRegistryService,
    { ...way, address: config.peerRegistryAddress, server: 'peer-registry' },
    open,
  )
  const toGateway = openTransport({ ...way, address: config.gatewayAddress, server: 'federation-gateway' }, open)
  const gateway = createClient(FederationService, toGateway)
  const ledger = createClient(
    AuditLedgerService,
    { ...way, address: config.auditLedgerAddress, server: 'audit-ledger' },
    open,
  )
  const heads = ledgerHeads({ ledger, clock, logger })
  const grantAuthz = { ...way, address: config.grantAuthzAddress }
  const operators = followOperators({ ...grantAuthz, reader: NAME, metrics: registryMetrics }, open)
  const feed = createPeerFeed({ registry, reader: NAME, clock, logger, metrics: registryMetrics })
  const tally = new Tally()
  const recorder = createRecorder({ db, clock, tally })
  const ear = new Ear()
  const deps = { db, clock, feed, recorder, gateway, heads, ear, metrics, logger, listener }
  const owners = openOwners(config, way, open)
  const governance = openGovernanceArea({ db, clock, logger, metrics: registryMetrics, owners, feed })
  const watch = openWatchArea({
    ...deps,
    metrics: registryMetrics,
    directory: operators,
    tickMs: config.tickMs,
    roads: createClient(GatewayService, toGateway),
    approvals: createClient(ApprovalService, { ...grantAuthz, server: 'grant-authz' }, open),
  })
  const vitals = openVitals({
    name: NAME,
    clock,
    tlsDir,
    database: { db, schema: SCHEMA, migrations: MIGRATIONS },
    news: { bus, stream: 'LIVENESS' },
  })
  const level = openLevelArea({ db, clock, logger, metrics: registryMetrics, feed, tally })
  const own = [
    mount(LivenessService, handlers(deps), CALLERS),
    level.mount,
    watch.mount,
    governance.mount,
    vitals.mount,
  ]
  const services = [...own, openDoctor({ config, clock, way, own }, open)]
  const listening = onListening && { onListening }
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    await runTasks(signal, [
      (stop) =>
        serve({ ...way, name: NAME, listen: config.listen, services, operators, metrics: registryMetrics, ...listening }, stop), // prettier-ignore
      (stop) => operators.run(stop),
      (stop) => feed.follow(stop),
      (stop) => heads.run(stop),
      (stop) => leadBeats(deps, stop),
      (stop) => sweepSilent(deps, { everyMs: config.sweepEveryMs }, stop),
      (stop) => measureAge(deps, stop),
      ...governance.tasks,
      ...watch.tasks,
      ...level.tasks,
      (stop) =>
        relay({ db, listener, schema: SCHEMA, stream: 'LIVENESS', bus, clock, logger, metrics: registryMetrics }, stop),
      (stop) => serveMetrics(registryMetrics, { port: config.metricsPort }, stop),
      (stop) =>
        keepIdentity({ ...way, dir: tlsDir, address: config.peerRegistryAddress, onRenewal: vitals.onRenewal }, stop),
    ])
  } finally {
    closing.abort()
    await recorder.idle()
    await bus.close()
    await db.destroy()
  }
}
