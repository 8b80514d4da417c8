import { createGate, runApproved } from '@powernode/approvals'
import { systemClock, type Clock } from '@powernode/clock'
import { consume, openBus, relay, sweepReceipts } from '@powernode/events'
import { readSealingKey, readTlsFiles } from '@powernode/identity'
import { followOperators } from '@powernode/operators'
import { Listener, openDb, requireSchema } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks, serveMetrics, type Logger } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { createClient, keepIdentity, mount, openTransport, serve } from '@powernode/rpc'
import { openVitals } from '@powernode/vitals'
import type { Config } from './config.ts'
import { executorsOf } from './approvals/executors.ts'
import { OpenProviders, type ProviderKinds } from './instances/open-providers.ts'
import { lookAround } from './look-around/look-around.ts'
import { KINDS } from './providers/kinds.ts'
import { replicationArea } from './replication/replication-area.ts'
import { handlers } from './rpc.ts'
import { SPAWN_CALLERS } from './rpc/callers.ts'
import { Attendants } from './saga/attend-children.ts'
import { OurPlatform } from './saga/our-platform.ts'
import { Tokens } from './saga/tokens.ts'
import type { SpawnDeps } from './spawn-deps.ts'
import type { Tables } from './store/tables.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { ChildNews } from './watch/child-news.ts'

const NAME = 'spawn-provisioner'
const SCHEMA = 'spawn_provisioner'
export const MIGRATIONS = new URL('../migrations', import.meta.url)

/** What a test may hand in instead of the machine's own. */
export type Outside = {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly onListening?: (port: number) => void
  /** Kinds of providers beside those that we were built with. */
  readonly kinds?: ProviderKinds
}

/** Everything this process does, in one list. Returns when told to stop, or throws when one part fails. */
export async function run(config: Config, signal: AbortSignal, outside: Outside = {}): Promise<void> {
  const { clock = systemClock, logger = createLogger(NAME), onListening, kinds = {} } = outside
  const { identityDir: tlsDir, trustDomain } = config
  readTlsFiles(tlsDir) // ends what has no identity that can be used before anything is open
  const metrics = createMetrics(NAME)
  const database = { url: config.databaseUrl.reveal(), schema: SCHEMA, applicationName: NAME }
  const db = openDb<Tables>({ ...database, max: 20 })
  const listener = new Listener({ ...database, clock, logger })
  const bus = await openBus({ servers: config.natsUrl, tlsDir, name: NAME, clock, logger })
  const closing = new AbortController()
  const open = AbortSignal.any([signal, closing.signal])
  const way = { trustDomain, tlsDir, clock, logger }
  const toRegistry = openTransport({ address: config.peerRegistryAddress, server: 'peer-registry', ...way }, open)
  const toAuthz = openTransport({ address: config.grantAuthzAddress, server: 'grant-authz', ...way }, open)
  const approvals = createClient(ApprovalService, toAuthz)
  const operators = followOperators({ address: config.grantAuthzAddress, ...way, reader: NAME, metrics }, open)
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    const sealing = readSealingKey(config.sealingKey)
    const deps: SpawnDeps = {
      db,
      listener,
      clock,
      logger,
      metrics,
      config,
      sealing,
      registry: createClient(PeerRegistryService, toRegistry),
      authority: createClient(CertificateAuthorityService, toRegistry),
      gate: createGate({ approvals, directory: operators }),
    }
    const vitals = openVitals({
      name: NAME,
      clock,
      tlsDir,
      database: { db, schema: SCHEMA, migrations: MIGRATIONS, sealing },
      news: { bus, stream: 'SPAWN_PROVISIONER', subscriptions: SUBSCRIPTIONS },
      disks: [
        { path: config.stateDir, what: 'children' },
        { path: config.cacheDir, what: 'images' },
      ],
    })
    const replication = replicationArea(deps)
    const providers = new OpenProviders(deps, { ...KINDS, ...kinds })
    const saga = { ...deps, replication, providers, tokens: new Tokens() }
    const attendants = new Attendants(saga)
    const news = new ChildNews()
    const ourselves = new OurPlatform()
    const limits = { maxChildren: config.maxChildren, bootDeadlineMs: config.bootDeadlineMs }
    const own = executorsOf({ limits, platform: () => ourselves.known })
    const executors = { ...own, ...replication.executors }
    const services = [
      mount(SpawnService, handlers({ ...saga, attendants, news, policies: approvals }), SPAWN_CALLERS),
      vitals.mount,
    ]
    const listening = onListening && { onListening }
    const door = { ...way, name: NAME, listen: config.listen, services, operators, metrics, ...listening }
    const approving = { ...deps, owner: `service/${NAME}`, client: approvals, directory: operators }
    await runTasks(signal, [
      (stop) => serve(door, stop),
      (stop) => operators.run(stop),
      (stop) => ourselves.follow(deps, stop),
      (stop) => attendants.run(stop),
      (stop) => news.run(listener, stop),
      (stop) => lookAround(saga, stop),
      ...replication.tasks,
      (stop) => runApproved({ ...approving, executors }, stop),
      (stop) => relay({ ...deps, bus, schema: SCHEMA, stream: 'SPAWN_PROVISIONER' }, stop),
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
