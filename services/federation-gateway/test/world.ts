import { systemClock, type Clock } from '@powernode/clock'
import { createLogger, createMetrics, type Metrics } from '@powernode/process'
import { createHealth, type Mount } from '@powernode/rpc'
import { configFrom, type Config } from '../src/config.ts'
import { run } from '../src/service.ts'
import { serveInner, TestLiveness, TestRegistry } from './inner-services.ts'
import { makePlatform, type Platform } from './platform.ts'
import { TestGrantAuthz, TestLedger } from './policy-services.ts'
import { TestCompiler } from './test-compiler.ts'
import { TestProvisioner } from './test-provisioner.ts'

/** A gateway as it runs, on free ports, with a registry and a liveness that the test decides about. */
export type World = {
  readonly platform: Platform
  readonly registry: TestRegistry
  readonly liveness: TestLiveness
  readonly grants: TestGrantAuthz
  readonly ledger: TestLedger
  readonly spawns: TestProvisioner
  readonly sdwan: TestCompiler
  readonly door: number
  readonly inner: number
  readonly metrics: Metrics
  readonly logged: () => Record<string, unknown>[]
  /** Directories with the certificates of our services. */
  readonly dirs: Readonly<Record<(typeof SERVICES)[number], string>>
  /** Where they listen. */
  readonly at: Readonly<Record<Exclude<(typeof SERVICES)[number], 'federation-gateway'>, number>>
  /** Aborts when the test is over. */
  readonly signal: AbortSignal
  readonly stop: () => Promise<void>
  /** Stops the gateway alone. */
  readonly stopGateway: () => Promise<void>
}

const SERVICES = [
  'peer-registry', 'liveness', 'grant-authz', 'audit-ledger', 'spawn-provisioner', 'sdwan-compiler', 'federation-gateway',
] as const // prettier-ignore

type Settings = {
  /** a.example unless said otherwise. */
  readonly trustDomain?: string
  readonly clock?: Clock
  /** Another gateway of the platform of this world, with the same neighbours. */
  readonly beside?: World
  readonly env?: Record<string, string>
  readonly door?: Partial<Config['door']>
  readonly outbound?: Partial<Config['outbound']>
  readonly calls?: Partial<Config['calls']>
}

export async function startWorld(settings: Settings = {}): Promise<World> {
  const { beside, clock = systemClock } = settings
  const platform = beside?.platform ?? (await makePlatform(settings.trustDomain ?? 'a.example'))
  const around = beside ?? (await startNeighbours(platform))

  const read = configFrom({
    FEDERATION_LISTEN: '127.0.0.1:0',
    INNER_LISTEN: '127.0.0.1:0',
    PEER_REGISTRY_ADDRESS: `127.0.0.1:${around.at['peer-registry']}`,
    LIVENESS_ADDRESS: `127.0.0.1:${around.at.liveness}`,
    GRANT_AUTHZ_ADDRESS: `127.0.0.1:${around.at['grant-authz']}`,
    AUDIT_LEDGER_ADDRESS: `127.0.0.1:${around.at['audit-ledger']}`,
    SPAWN_PROVISIONER_ADDRESS: `127.0.0.1:${around.at['spawn-provisioner']}`,
    SDWAN_COMPILER_ADDRESS: `127.0.0.1:${around.at['sdwan-compiler']}`,
    IDENTITY_DIR: around.dirs['federation-gateway'],
    TRUST_DOMAIN: platform.trustDomain,
    METRICS_PORT: '0',
    ALLOW_LOOPBACK_PEERS: 'true',
    ...settings.env,
  })
  const config: Config = {
    ...read,
    door: { ...read.door, graceMs: 500, ...settings.door },
    outbound: { ...read.outbound, ...settings.outbound },
    calls: { ...read.calls, ...settings.calls },
  }
  const lines: string[] = []
  const logger = createLogger('test', { level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const metrics = createMetrics('test')
  const stopping = new AbortController()
  const ports = { door: Promise.withResolvers<number>(), inner: Promise.withResolvers<number>() }
  const ended = run(config, stopping.signal, {
    clock,
    logger,
    metrics,
    onListening: ({ door, inner: innerPort }) => {
      if (door !== undefined) ports.door.resolve(door)
      if (innerPort !== undefined) ports.inner.resolve(innerPort)
    },
  })
  ended.catch((error: unknown) => {
    ports.door.reject(error)
    ports.inner.reject(error)
  })
  const world: World = {
    ...around,
    platform,
    door: await ports.door.promise,
    inner: await ports.inner.promise,
    metrics,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    async stopGateway() {
      stopping.abort()
      await ended
    },
    async stop() {
      stopping.abort()
      await ended
      if (!beside) await around.stop()
    },
  }
  const knows = (what: string) => world.logged().some(({ msg }) => msg === what)
  await until(() => knows('all peers known') && knows('the policy is known'))
  return world
}

/** The services that a gateway has around it, each over mTLS with a certificate of its own. */
async function startNeighbours(platform: Platform) {
  const entries = SERVICES.map(async (name) => [name, (await platform.identity('service', name)).dir] as const)
  const dirs = Object.fromEntries(await Promise.all(entries)) as World['dirs'] // every name of SERVICES
  const inner = new AbortController()
  const { trustDomain } = platform
  const [registry, liveness, grants, ledger, spawns, sdwan] = [
    new TestRegistry(platform),
    new TestLiveness(),
    new TestGrantAuthz(),
    new TestLedger(),
    new TestProvisioner(),
    new TestCompiler(),
  ]
  const serve = (name: (typeof SERVICES)[number], services: Mount[], health = createHealth()) =>
    serveInner({ name, tlsDir: dirs[name], trustDomain, services, health }, inner.signal)
  const served = await Promise.all([
    serve('peer-registry', registry.mounts()),
    serve('liveness', liveness.mounts()),
    serve('grant-authz', grants.mounts()),
    serve('audit-ledger', ledger.mounts(), ledger.health),
    serve('spawn-provisioner', spawns.mounts()),
    serve('sdwan-compiler', sdwan.mounts()),
  ])
  const at = {
    'peer-registry': served[0].port,
    liveness: served[1].port,
    'grant-authz': served[2].port,
    'audit-ledger': served[3].port,
    'spawn-provisioner': served[4].port,
    'sdwan-compiler': served[5].port,
  }
  const stop = async () => {
    inner.abort()
    await Promise.all(served.map(({ ended }) => ended))
  }
  return { registry, liveness, grants, ledger, spawns, sdwan, dirs, at, signal: inner.signal, stop }
}

const NEVER = new AbortController().signal

/** Waits for a state, not for a time: looks again until it is so, or the test's own limit ends it; less and less often. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let pauseMs = 1; !(await holds()); pauseMs = Math.min(pauseMs * 1.1, 25)) await systemClock.sleep(pauseMs, NEVER)
}

/** The value of a metric with these labels, 0 when it was never counted. */
export async function metric(world: World, name: string, labels: Record<string, string> = {}): Promise<number> {
  const found = await world.metrics.registry.getSingleMetric(name)?.get()
  return (found?.values ?? [])
    .filter((value) =>
      Object.entries(labels).every(([key, text]) => (value.labels as Record<string, unknown>)[key] === text),
    )
    .reduce((sum, { value }) => sum + value, 0)
}
