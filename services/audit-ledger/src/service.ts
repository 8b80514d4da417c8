import { patient, systemClock, type Clock } from '@powernode/clock'
import type { ServiceImpl } from '@connectrpc/connect'
import { consume, openBus, relay } from '@powernode/events'
import { readSealingKey, readTlsFiles } from '@powernode/identity'
import { followOperators } from '@powernode/operators'
import { Listener, openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, createHealth, keepIdentity, mount, serve } from '@powernode/rpc'
import { openVitals } from '@powernode/vitals'
import { openCoreArea } from './append/core-area.ts'
import type { Config } from './config.ts'
import { openFileArea } from './files/file-area.ts'
import { openMirrorArea } from './mirror/mirror-area.ts'
import { CALLERS, coreHandlers } from './rpc.ts'
import { appendTalks } from './rpc/append.ts'
import { PeerTurns } from './rpc/peer-turns.ts'
import { createWatchers } from './rpc/watchers.ts'
import { FEED_CHANNEL } from './store/events.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { sweepOldEvents } from './sweeps.ts'
import { readPolicy } from './witness/policy-file.ts'
import { openWitnessArea } from './witness/witness-area.ts'

const NAME = 'audit-ledger'
const SCHEMA = 'audit_ledger'
export const MIGRATIONS = new URL('../migrations', import.meta.url)
/** A replica that freezes while it holds the lock of a log is cut by then, and another goes on. */
export const FROZEN_MS = 750

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
  const metrics = createMetrics(NAME)
  const health = createHealth()
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  const db = openDb<Tables>({ ...database, idleInTransactionMs: patient(FROZEN_MS), max: 20 })
  const listener = new Listener({ ...database, clock, logger })
  // A relay waits for NATS inside of its transaction, and holds no lock that anybody who appends would want.
  const unhurried = openDb<Tables>({ ...database, max: 2 })
  const bus = await openBus({ servers: config.natsUrl, tlsDir, name: NAME, clock, logger })
  const vitals = openVitals({
    name: NAME,
    clock,
    tlsDir,
    database: { db, schema: SCHEMA, migrations: MIGRATIONS },
    news: { bus, stream: 'AUDIT_LEDGER', subscriptions: SUBSCRIPTIONS },
  })
  const watchers = createWatchers()
  const deps = { db, listener, bus, clock, logger, metrics, health, watchers, trustDomain }
  const way = { trustDomain, tlsDir, clock, logger }
  const road = { ...way, address: config.grantAuthzAddress }
  const operators = followOperators({ ...road, reader: NAME, metrics }, signal)
  const registry = createClient(
    PeerRegistryService,
    { ...way, address: config.peerRegistryAddress, server: 'peer-registry' },
    signal,
  )
  const federation = createClient(
    FederationService,
    { ...way, address: config.gatewayAddress, server: 'federation-gateway' },
    signal,
  )
  try {
    const policy = readPolicy(config.witnessPolicyFile)
    await requireSchema(db, SCHEMA, MIGRATIONS)
    const core = await openCoreArea(deps, {
      sealing: readSealingKey(config.sealingKey),
      trustDomain,
      entriesKeptForMs: config.entriesKeptForMs,
    })
    const turns = new PeerTurns()
    const mirror = await openMirrorArea({ ...deps, ...core, turns, border: federation }, config.mirror)
    const witness = openWitnessArea({ ...deps, ...core, turns, registry, federation, policy, onLost: mirror.onLost })
    const files = openFileArea({ ...deps, ...core, operators, routes: witness.routes }, config)
    const handlers = {
      ...coreHandlers({ ...deps, ...core, policy }),
      ...files.handlers,
      ...witness.handlers,
      ...mirror.handlers(witness.peers),
    } satisfies Partial<ServiceImpl<typeof AuditLedgerService>>
    await runTasks(signal, [
      (stop) =>
        serve(
          {
            name: NAME,
            listen: config.listen,
            tlsDir,
            trustDomain,
            services: [mount(AuditLedgerService, handlers, CALLERS, appendTalks({ ...deps, ...core })), vitals.mount],
            operators,
            clock,
            logger,
            metrics,
            health,
            ...(onListening && { onListening }),
          },
          stop,
        ),
      ...core.tasks,
      ...files.tasks,
      ...witness.tasks,
      ...mirror.tasks,
      (stop) => relay({ ...deps, db: unhurried, schema: SCHEMA, stream: 'AUDIT_LEDGER' }, stop),
      (stop) => operators.run(stop),
      ...SUBSCRIPTIONS.map((row) => (stop: AbortSignal) => consume(deps, row, stop)),
      (stop) => listener.listen(FEED_CHANNEL, watchers.ring, stop),
      (stop) => sweepOldEvents(deps, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      (stop) =>
        keepIdentity({ ...way, dir: tlsDir, address: config.peerRegistryAddress, onRenewal: vitals.onRenewal }, stop),
    ])
  } finally {
    await bus.close()
    await Promise.all([db.destroy(), unhurried.destroy()])
  }
}
