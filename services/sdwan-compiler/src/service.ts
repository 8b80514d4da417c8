import { createGate, runApproved } from '@powernode/approvals'
import { systemClock, type Clock } from '@powernode/clock'
import { consume, openBus, relay, sweepReceipts } from '@powernode/events'
import { readSealingKey } from '@powernode/identity'
import { followOperators } from '@powernode/operators'
import { inTransaction, Listener, openDb, requireSchema, SEALING_TROUBLE } from '@powernode/postgres'
import {
  createLogger,
  createMetrics,
  elapsed,
  runTasks,
  serveMetrics,
  type Logger,
  type Metrics,
} from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { createClient, keepIdentity, mount, openTransport, serve } from '@powernode/rpc'
import { executorsOf } from './approvals/executors.ts'
import { openVitals } from '@powernode/vitals'
import type { Config } from './config.ts'
import { exchangeOverlays } from './crossings/exchange-overlays.ts'
import { lookAtPeers } from './crossings/look-at-peers.ts'
import { sayOurPrefix } from './crossings/say-our-prefix.ts'
import { NetworkCompiler } from './network.ts'
import { openSpace } from './operations/open-space.ts'
import { resealSecrets, type Resealed } from './operations/reseal-secrets.ts'
import { handlers } from './rpc.ts'
import { NODE_CALLERS, SDWAN_CALLERS } from './rpc/callers.ts'
import { nodeHandlers } from './rpc/nodes.ts'
import { driveRuns } from './runs/drive-runs.ts'
import type { SdwanDeps } from './sdwan-deps.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { sweep } from './sweeps.ts'
import { NetworkNews } from './watch/network-news.ts'
import { OurPlatform } from './watch/our-platform.ts'

const NAME = 'sdwan-compiler'
const SCHEMA = 'sdwan_compiler'
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
  const metrics = createMetrics(NAME)
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  const db = openDb<Tables>({ ...database, max: 20 })
  const listener = new Listener({ ...database, clock, logger })
  const bus = await openBus({ servers: config.natsUrl, tlsDir, name: NAME, clock, logger })
  const closing = new AbortController()
  const open = AbortSignal.any([signal, closing.signal])
  const way = { trustDomain, tlsDir, clock, logger }
  const toRegistry = openTransport({ address: config.peerRegistryAddress, server: 'peer-registry', ...way }, open)
  const toGateway = openTransport({ address: config.gatewayAddress, server: 'federation-gateway', ...way }, open)
  const toAuthz = openTransport({ address: config.grantAuthzAddress, server: 'grant-authz', ...way }, open)
  const approvals = createClient(ApprovalService, toAuthz)
  const operators = followOperators({ address: config.grantAuthzAddress, ...way, reader: NAME, metrics }, open)
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    await inTransaction(db, (tx) => openSpace(tx, clock.now(), { accountId: trustDomain }))
    const registry = createClient(PeerRegistryService, toRegistry)
    const sealing = readSealingKey(config.sealingKey)
    tellResealed(await inTransaction(db, (tx) => resealSecrets(tx, sealing)), logger)
    const deps: SdwanDeps = {
      db,
      listener,
      clock,
      logger,
      metrics,
      config,
      sealing,
      registry,
      authority: createClient(CertificateAuthorityService, toRegistry),
      border: createClient(FederationService, toGateway),
      gate: createGate({ approvals, directory: operators }),
      policies: operators,
      compiler: new NetworkCompiler(trustDomain, measured(metrics)),
      news: new NetworkNews(),
      platform: new OurPlatform(registry),
    }
    const vitals = openVitals({
      name: NAME,
      clock,
      tlsDir,
      database: { db, schema: SCHEMA, migrations: MIGRATIONS, sealing },
      news: { bus, stream: 'SDWAN_COMPILER', subscriptions: SUBSCRIPTIONS },
    })
    const executors = executorsOf(deps)
    const nodes = mount(NodeNetworkService, nodeHandlers(deps), NODE_CALLERS)
    const services = [mount(SdwanService, handlers(deps), SDWAN_CALLERS), nodes, vitals.mount]
    const door = { ...way, name: NAME, operators, metrics }
    const front = { ...door, listen: config.listen, services, ...(onListening && { onListening }) }
    const { nodesListen } = config
    const approving = { ...deps, owner: `service/${NAME}`, client: approvals, directory: operators }
    await runTasks(signal, [
      (stop) => serve(front, stop),
      ...(nodesListen ? [(stop: AbortSignal) => serve({ ...door, listen: nodesListen, services: [nodes] }, stop)] : []),
      (stop) => operators.run(stop),
      (stop) => deps.news.run(listener, stop),
      (stop) => lookAtPeers(deps, stop),
      (stop) => exchangeOverlays(deps, stop),
      (stop) => sayOurPrefix(deps, stop),
      (stop) => driveRuns(deps, stop),
      (stop) => sweep(deps, stop),
      (stop) => runApproved({ ...approving, executors }, stop),
      (stop) => relay({ ...deps, bus, schema: SCHEMA, stream: 'SDWAN_COMPILER' }, stop),
      ...SUBSCRIPTIONS.map((row) => (stop: AbortSignal) => consume({ ...deps, bus }, row, stop)),
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

/** What became of the secrets at the start. */
function tellResealed({ standing, newest, resealed, lost }: Resealed, logger: Logger): void {
  if (standing !== 'newest') logger.error({ reason: newest }, SEALING_TROUBLE[standing])
  if (resealed > 0) logger.info({ count: resealed }, 'secrets are sealed under the new key; the previous one can go')
  if (lost > 0) logger.error({ count: lost }, 'secrets cannot be opened, since they were sealed under another key: fedctl net problems names them, fedctl net rekey makes them anew') // prettier-ignore
}

/** How long compilations take, and how much they change, as whoever compiles cannot say. */
function measured(metrics: Metrics): <T extends { readonly touched: readonly unknown[] }>(compile: () => T) => T {
  const changed = metrics.histogram('fed_compile_changed_nodes', 'Nodes whose files are others after a compilation, tried ones too', [], NODE_BUCKETS) // prettier-ignore
  const took = metrics.histogram('fed_compile_duration_seconds', 'How long the whole network took to compile')
  return (compile) => {
    const tookMs = elapsed()
    const compiled = compile()
    took.observe(tookMs() / 1_000)
    changed.observe(compiled.touched.length)
    return compiled
  }
}

const NODE_BUCKETS = [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000]
