import { systemClock, type Clock } from '@powernode/clock'
import { consume, openBus } from '@powernode/events'
import { followOperators } from '@powernode/operators'
import { listen, openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { keepIdentity, mount, serve } from '@powernode/rpc'
import type { Config } from './config.ts'
import { CALLERS, handlers } from './rpc.ts'
import { createWatchers } from './rpc/watchers.ts'
import { FEED_CHANNEL } from './store/events.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { sweepOldDecisions, sweepOldEvents } from './sweeps.ts'

const NAME = 'audit-ledger'
const SCHEMA = 'audit_ledger'
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
  const watchers = createWatchers()
  const deps = { db, bus, clock, logger, metrics, watchers }
  const { identityDir: tlsDir, trustDomain } = config
  const road = { address: config.grantAuthzAddress, trustDomain, tlsDir, clock, logger }
  const operators = followOperators({ ...road, reader: NAME, metrics }, signal)
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    await runTasks(signal, [
      (stop) =>
        serve(
          {
            name: NAME,
            listen: config.listen,
            tlsDir,
            trustDomain,
            services: [mount(AuditLedgerService, handlers(deps), CALLERS)],
            operators,
            clock,
            logger,
            metrics,
            ...(onListening && { onListening }),
          },
          stop,
        ),
      (stop) => operators.run(stop),
      ...SUBSCRIPTIONS.map((row) => (stop: AbortSignal) => consume(deps, row, stop)),
      (stop) => listen(database, FEED_CHANNEL, watchers.ring, stop),
      (stop) => sweepOldEvents(deps, stop),
      (stop) => sweepOldDecisions(deps, stop),
      (stop) => serveMetrics(metrics, { port: config.metricsPort }, stop),
      (stop) => keepIdentity({ dir: tlsDir, address: config.peerRegistryAddress, trustDomain, clock, logger }, stop),
    ])
  } finally {
    await bus.close()
    await db.destroy()
  }
}
