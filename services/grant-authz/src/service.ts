import { systemClock, type Clock } from '@powernode/clock'
import { consume, openBus, relay, sweepReceipts } from '@powernode/events'
import { readSealingKey, readTlsFiles } from '@powernode/identity'
import { Listener, openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, keepIdentity, serve } from '@powernode/rpc'
import { openVitals } from '@powernode/vitals'
import { openApprovalArea } from './approvals/approval-area.ts'
import type { Config } from './config.ts'
import { openGrantArea } from './grants/grant-area.ts'
import { openOperatorArea } from './operators/operator-area.ts'
import { openResidencyArea } from './residency/residency-area.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'

const NAME = 'grant-authz'
const SCHEMA = 'grant_authz'
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
  const sealing = readSealingKey(config.sealingKey)
  const metrics = createMetrics(NAME)
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  // Two feeds read for several readers at once, beside what is asked here.
  const db = openDb<Tables>({ ...database, max: 20 })
  const listener = new Listener({ ...database, clock, logger })
  const bus = await openBus({ servers: config.natsUrl, tlsDir, name: NAME, clock, logger })
  const closing = new AbortController()
  const open = AbortSignal.any([signal, closing.signal])
  const way = { trustDomain, tlsDir, clock, logger }
  const registry = createClient(
    PeerRegistryService,
    { address: config.peerRegistryAddress, server: 'peer-registry', ...way },
    open,
  )
  const border = createClient(
    FederationService,
    { address: config.gatewayAddress, server: 'federation-gateway', ...way },
    open,
  )
  const ledger = createClient(
    AuditLedgerService,
    { address: config.auditLedgerAddress, server: 'audit-ledger', ...way },
    open,
  )
  const vitals = openVitals({
    name: NAME,
    clock,
    tlsDir,
    database: { db, schema: SCHEMA, migrations: MIGRATIONS, sealing },
    news: { bus, stream: 'GRANT_AUTHZ', subscriptions: SUBSCRIPTIONS },
  })
  const deps = { db, listener, schema: SCHEMA, bus, registry, border, ledger, clock, logger, metrics }
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    const area = await openOperatorArea(deps, config)
    const approvals = openApprovalArea({ ...deps, operatorsFeed: area.operatorsFeed })
    const grants = await openGrantArea({ ...deps, sealing, leaseMs: config.feedLeaseMs })
    const residency = await openResidencyArea({ ...deps, policyFeed: grants.policyFeed, gate: approvals.gate }, config)
    const services = [...grants.mounts, area.mount, approvals.mount, ...residency.mounts, vitals.mount]
    const server = {
      name: NAME,
      listen: config.listen,
      tlsDir,
      trustDomain,
      clock,
      logger,
      metrics,
      services,
      operators: area.operators,
      ...(onListening && { onListening }),
    }
    await runTasks(signal, [
      (stop) => serve(server, stop),
      ...area.tasks,
      ...grants.tasks,
      ...residency.tasks,
      ...approvals.tasks(residency.executors),
      (stop) => relay({ ...deps, schema: SCHEMA, stream: 'GRANT_AUTHZ' }, stop),
      ...SUBSCRIPTIONS.map((row) => (stop: AbortSignal) => consume(deps, row, stop)),
      (stop) => sweepReceipts(deps, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      (stop) =>
        keepIdentity({ ...way, dir: tlsDir, address: config.peerRegistryAddress, onRenewal: vitals.onRenewal }, stop),
    ])
  } finally {
    closing.abort()
    await bus.close()
    await db.destroy()
  }
}
