import { join } from 'node:path'
import { existsSync, readFileSync } from 'node:fs'
import { prepareDatabases } from './database.ts'
import { type Settings } from './environment.ts'
import { waitUntilServing } from './health.ts'
import { initialise } from './initialise.ts'
import { keepServerIdentity } from './keep-server-identity.ts'
import { launchedBy } from './launched-by.ts'
import { fedctlContext, identityDir, layOut, logFile, type Layout, type Site } from './layout.ts'
import { natsOptions } from './nats-options.ts'
import { findNatsServer, startNats, type Nats } from './nats.ts'
import { claimDirectory } from './owner.ts'
import { type Moved } from './ports.ts'
import { keepPostgres, keptPostgres } from './postgres-keeper.ts'
import { startPostgres, type Postgres } from './postgres.ts'
import { SERVICE_NAMES, STARTING_ORDER, type ServiceName } from './services.ts'
import { startService } from './start-service.ts'
import { supervise, type Life, type Report, type Supervised } from './supervise.ts'

export type PlatformOptions = {
  /** Everything of the platform lies here; what is there is continued. */
  readonly dir: string
  readonly name: string
  readonly trustDomain: string
  /** Ports count from here; without it free ones are taken. Those of an earlier start are kept either way. */
  readonly basePort?: number | undefined
  /** What of a laptop does not hold for it: a child says who runs it, and where its parent reaches it. */
  readonly site?: Partial<Site> | undefined
  readonly settings?: Settings
  /** For tests: Postgres does not wait for the disk. */
  readonly fast?: boolean
  readonly cacheDir: string
  /** How long all services together may take until they serve: two minutes, unless said. */
  readonly startTimeoutMs?: number
  /** How a service is started; as a process of its own unless said otherwise. */
  readonly startService?: typeof startService
  /** Told what is being done, in a few words. */
  readonly progress?: (doing: string) => void
  /** Told when a part ended, and when it was started again. */
  readonly report?: Report
}

export type PartName = ServiceName | 'postgres' | 'nats'

export type Platform = Layout & {
  /** Where peers reach it. */
  readonly url: string
  /** Superuser of its Postgres. */
  readonly postgresUrl: string
  /** The operator `admin`: cert.pem, key.pem, roots.pem. */
  readonly operatorDir: string
  readonly fedctlContext: string
  readonly moved: readonly Moved[]
  /** Every process, kept running: to kill, pause and resume. */
  readonly parts: Readonly<Record<PartName, Supervised>>
  /** Ends NATS and loses all it stored; it comes back empty. */
  wipeNats(): Promise<void>
  /** Waits until all services serve. */
  serving(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 120_000
/** Postgres and NATS are stopped by their supervisors, after the services that need them. */
const UNTIL_STOPPED = AbortSignal.any([])

/**
 * Starts one whole platform: Postgres, NATS and every service as its own process, each started again when it dies.
 *
 * Returns when all services serve. All of it ends with this process, however that ends. When something cannot start, or
 * `signal` aborts, what was started is stopped in order.
 */
export async function startPlatform(options: PlatformOptions, signal: AbortSignal): Promise<Platform> {
  signal.throwIfAborted()
  const release = claimDirectory(options.dir)
  const parts: Supervised[] = []
  const background = new AbortController()
  let stopped: Promise<void> | undefined
  const stop = () =>
    (stopped ??= (async () => {
      background.abort()
      // In the reverse order of starting, so that nothing loses what it needs while it ends.
      await Promise.all(parts.splice(2).map((service) => service.stop()))
      for (const part of parts.toReversed()) await part.stop()
      release()
    })())
  try {
    const platform = await start(options, { parts, stop, background: background.signal }, signal)
    signal.addEventListener('abort', () => void stop(), { once: true })
    return platform
  } catch (error) {
    await stop()
    throw error
  }
}

type Running = {
  /** What was started, first Postgres, then NATS, then the services. */
  readonly parts: Supervised[]
  /** Aborts when all is stopped. */
  readonly background: AbortSignal
  stop(): Promise<void>
}

async function start(options: PlatformOptions, running: Running, signal: AbortSignal): Promise<Platform> {
  const {
    progress = () => undefined,
    report,
    settings: said = {},
    fast = false,
    startService: launch = startService,
  } = options
  const { parts: started, background, stop } = running
  const settings = launchedBy(process.pid, said)
  const keep = async (name: string, begin: () => Promise<Life>) => {
    signal.throwIfAborted()
    const part = await supervise(name, begin, report)
    started.push(part)
    return part
  }
  const { layout, moved, release } = await layOut(options)
  running.background.addEventListener('abort', release, { once: true })

  progress('Postgres')
  const finding = findNatsServer(options.cacheDir, progress)
  finding.catch(() => undefined) // awaited below, when Postgres is up
  let postgresUrl = ''
  let database: Postgres | undefined
  const postgresIdentity = identityDir(layout, 'postgres')
  const postgres = await keep('postgres', async () => {
    const dir = join(layout.dir, 'postgres')
    const known = existsSync(postgresIdentity) && { identityDir: postgresIdentity }
    database = await startPostgres({ dir, port: layout.ports.postgres, fast, ...known }, UNTIL_STOPPED)
    postgresUrl = database.url
    return database
  })
  progress('schemas')
  await prepareDatabases(layout, postgresUrl)
  progress('identity')
  await initialise(layout, settings)
  database?.useIdentity(postgresIdentity)

  progress('NATS')
  const binary = await finding
  let server: Nats | undefined
  const nats = await keep('nats', async () => (server = await startNats(natsOptions(layout, binary), UNTIL_STOPPED)))
  progress('services')
  const services: Partial<Record<ServiceName, Supervised>> = {}
  for (const name of STARTING_ORDER) services[name] = await keep(name, () => launch(name, layout, settings))
  const parts = { postgres, nats, ...services } as Platform['parts'] // every service, by the loop
  const serving = (until: AbortSignal) => allServing(layout, parts, until, progress)
  await serving(AbortSignal.any([signal, AbortSignal.timeout(options.startTimeoutMs ?? START_TIMEOUT_MS)]))
  const keeping = Promise.all([
    keepServerIdentity(layout, { name: 'nats', reload: () => server?.reload() }, background),
    keepServerIdentity(layout, { name: 'postgres', reload: () => database?.useIdentity(postgresIdentity) }, background),
    keepPostgres(keptPostgres(layout, postgres), background),
  ])

  return {
    ...layout,
    url: layout.site.endpoints[0]?.url ?? '',
    postgresUrl,
    operatorDir: identityDir(layout, 'admin'),
    fedctlContext: fedctlContext(layout),
    moved,
    parts,
    serving,
    async wipeNats() {
      await nats.pause()
      await server?.wipe()
      await nats.resume()
    },
    async stop() {
      await stop()
      await keeping
    },
  }
}

/** Waits for SERVING of every service, and of the peers' door. A service that keeps dying ends the wait with its last words. */
async function allServing(
  layout: Layout,
  parts: Platform['parts'],
  signal: AbortSignal,
  progress: (doing: string) => void,
): Promise<void> {
  const waiting = new Set<string>(SERVICE_NAMES)
  const giveUp = new AbortController()
  const until = AbortSignal.any([signal, giveUp.signal])
  const targets = [
    ...SERVICE_NAMES.map((service) => ({ service, port: layout.ports[service] })),
    { service: 'federation-gateway' as const, port: layout.ports.door },
  ]
  const before = new Map(SERVICE_NAMES.map((service) => [service, parts[service].restarts()]))
  const watch = setInterval(() => {
    const dying = SERVICE_NAMES.some((service) => parts[service].restarts() - (before.get(service) ?? 0) >= 5)
    if (dying) giveUp.abort()
  }, 200)
  try {
    await Promise.all(
      targets.map(async ({ service, port }) => {
        const target = { address: `127.0.0.1:${port}`, service, trustDomain: layout.trustDomain }
        await waitUntilServing(target, identityDir(layout, 'admin'), until).catch((cause: Error) => {
          giveUp.abort()
          throw new Error(`${cause.message}\n${lastWords(logFile(layout, service))}`, { cause })
        })
        waiting.delete(service)
        if (waiting.size > 0) progress(`waiting for ${[...waiting].join(', ')}`)
      }),
    )
  } finally {
    clearInterval(watch)
  }
}

/** The end of a log, for somebody who must see why. */
export function lastWords(file: string, lines = 5): string {
  try {
    return `${file}:\n${readFileSync(file, 'utf8').trim().split('\n').slice(-lines).join('\n')}`
  } catch {
    return `${file} cannot be read`
  }
}
