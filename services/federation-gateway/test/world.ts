import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics, type Metrics } from '@powernode/process'
import { configFrom, type Config } from '../src/config.ts'
import { run } from '../src/service.ts'
import { serveInner, TestLiveness, TestRegistry } from './inner-services.ts'
import { makePlatform, type Platform } from './platform.ts'

/** A gateway as it runs, on free ports, with a registry and a liveness that the test decides about. */
export type World = {
  readonly platform: Platform
  readonly registry: TestRegistry
  readonly liveness: TestLiveness
  readonly door: number
  readonly inner: number
  readonly metrics: Metrics
  readonly logged: () => Record<string, unknown>[]
  /** Directories with the certificates of our services. */
  readonly dirs: Readonly<Record<'peer-registry' | 'liveness' | 'federation-gateway', string>>
  /** Aborts when the test is over. */
  readonly signal: AbortSignal
  readonly stop: () => Promise<void>
  /** Stops the gateway alone. */
  readonly stopGateway: () => Promise<void>
}

type Settings = {
  readonly env?: Record<string, string>
  readonly door?: Partial<Config['door']>
  readonly outbound?: Partial<Config['outbound']>
  readonly calls?: Partial<Config['calls']>
}

export async function startWorld(settings: Settings = {}): Promise<World> {
  const platform = await makePlatform('a.example')
  const dirs = {
    'peer-registry': (await platform.identity('service', 'peer-registry')).dir,
    liveness: (await platform.identity('service', 'liveness')).dir,
    'federation-gateway': (await platform.identity('service', 'federation-gateway')).dir,
  }
  const registry = new TestRegistry(platform)
  const liveness = new TestLiveness()
  const inner = new AbortController()
  const { trustDomain } = platform
  const registryAt = await serveInner(
    { name: 'peer-registry', tlsDir: dirs['peer-registry'], trustDomain, services: registry.mounts() },
    inner.signal,
  )
  const livenessAt = await serveInner(
    { name: 'liveness', tlsDir: dirs.liveness, trustDomain, services: liveness.mounts() },
    inner.signal,
  )

  const read = configFrom({
    FEDERATION_LISTEN: '127.0.0.1:0',
    INNER_LISTEN: '127.0.0.1:0',
    PEER_REGISTRY_ADDRESS: `127.0.0.1:${registryAt.port}`,
    LIVENESS_ADDRESS: `127.0.0.1:${livenessAt.port}`,
    IDENTITY_DIR: dirs['federation-gateway'],
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
    clock: systemClock,
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
    platform,
    registry,
    liveness,
    dirs,
    door: await ports.door.promise,
    inner: await ports.inner.promise,
    metrics,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    signal: inner.signal,
    async stopGateway() {
      stopping.abort()
      await ended
    },
    async stop() {
      stopping.abort()
      await ended
      inner.abort()
      await Promise.all([registryAt.ended, livenessAt.ended])
    },
  }
  await until(() => world.logged().some(({ msg }) => msg === 'all peers known'))
  return world
}

/** Waits for a state, not for a time: looks again until it is so, or the test's own limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
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
