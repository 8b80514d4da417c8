import { systemClock, type Clock } from '@powernode/clock'
import { consume, openBus, relay, sweepReceipts } from '@powernode/events'
import { openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, keepIdentity, mount, serve } from '@powernode/rpc'
import { openApprovalArea } from './approvals/approval-area.ts'
import type { Config } from './config.ts'
import { openOperatorArea } from './operators/operator-area.ts'
import { runReviews } from './reviews/run-reviews.ts'
import { GRANT_CALLERS, grantHandlers } from './rpc/grants.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { sweepHolders } from './sweeps.ts'

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
  const metrics = createMetrics(NAME)
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  const db = openDb<Tables>(database)
  const bus = await openBus({ servers: config.natsUrl, tlsDir: config.identityDir, name: NAME, clock, logger })
  const { identityDir: tlsDir, trustDomain } = config
  const closing = new AbortController()
  const registry = createClient(
    PeerRegistryService,
    { address: config.peerRegistryAddress, server: 'peer-registry', trustDomain, tlsDir, clock, logger },
    AbortSignal.any([signal, closing.signal]),
  )
  const deps = { db, database, bus, registry, clock, logger, metrics }
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    const area = await openOperatorArea(deps, config)
    const approvals = openApprovalArea(deps)
    const services = [mount(GrantAuthzService, grantHandlers(deps), GRANT_CALLERS), area.mount, approvals.mount]
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
      ...approvals.tasks({}),
      (stop) => relay({ ...deps, schema: SCHEMA, stream: 'GRANT_AUTHZ' }, stop),
      ...SUBSCRIPTIONS.map((row) => (stop: AbortSignal) => consume(deps, row, stop)),
      (stop) => runReviews(deps, stop),
      (stop) => sweepHolders(deps, stop),
      (stop) => sweepReceipts(deps, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      (stop) => keepIdentity({ dir: tlsDir, address: config.peerRegistryAddress, trustDomain, clock, logger }, stop),
    ])
  } finally {
    closing.abort()
    await bus.close()
    await db.destroy()
  }
}
