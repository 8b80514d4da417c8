import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { choosePorts, type Chosen, type Ports } from './ports.ts'
import { writePrivately } from './secrets.ts'
import { type ServiceName } from './services.ts'

/** Where everything of one platform lies, and which ports it has. */
export type Layout = {
  readonly name: string
  readonly trustDomain: string
  readonly dir: string
  readonly ports: Ports
  readonly site: Site
}

/** What differs between a laptop and a real host. */
export type Site = {
  /** Where services listen and call each other. */
  readonly host: string
  /** `postgres://host:port` with the options of TLS, without user and database. */
  readonly postgres: string
  readonly nats: string
  /** Where the peers' door listens, and where peers are told it is. */
  readonly doorHost: string
  readonly endpoints: readonly {
    readonly url: string
    readonly scope: 'lan' | 'sdwan' | 'wan'
    readonly priority: number
  }[]
  /** Where logs are shown over HTTPS, and whose signatures have to stand under them. */
  readonly tlogHost: string
  readonly witnessPolicyFile?: string | undefined
  /** Whether anything may be appended while logs cannot be written as files. */
  readonly ledgerFiles: 'optional' | 'required'
  /** Whether we run its Postgres: then members of a cluster may follow it, and its certificate is ours to renew. */
  readonly ownPostgres?: boolean
  readonly platformName: string
  readonly contact: string
  readonly jurisdiction: string
  readonly version: string
}

/** The identity directories that a platform's certificates are written into. */
export type Identity = ServiceName | 'nats' | 'node-agent' | 'postgres' | 'admin'

export const identityDir = ({ dir }: Pick<Layout, 'dir'>, identity: Identity) => join(dir, 'identity', identity)
/** The name that the certificate of the platform's Postgres bears, wherever it is reached. */
export const postgresName = ({ trustDomain }: Pick<Layout, 'trustDomain'>) => `postgres.${trustDomain}`
export const logFile = ({ dir }: Pick<Layout, 'dir'>, service: string) => join(dir, 'log', `${service}.log`)
/** Where a service keeps files of its own. */
export const dataDir = ({ dir }: Pick<Layout, 'dir'>, service: ServiceName) => join(dir, 'data', service)
export const secretPath = ({ dir }: Pick<Layout, 'dir'>, secret: string) => join(dir, 'secrets', secret)
/** What `fedctl` reads to reach this platform. */
export const fedctlContext = ({ dir }: Pick<Layout, 'dir'>) => join(dir, 'fedctl.json')

/** Lays a platform out in `dir`, as it was before if it was there before. */
export async function layOut(options: {
  readonly dir: string
  readonly name: string
  readonly trustDomain: string
  readonly basePort?: number | undefined
  readonly site?: Partial<Site> | undefined
}): Promise<Omit<Chosen, 'ports'> & { readonly layout: Layout }> {
  const { dir, name, trustDomain, basePort, site } = options
  for (const part of ['', 'log', 'secrets', 'identity', 'data'])
    mkdirSync(join(dir, part), { recursive: true, mode: 0o711 })
  const file = join(dir, 'platform.json')
  const before: Partial<Layout> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  if (before.trustDomain !== undefined && before.trustDomain !== trustDomain) {
    throw new Error(`${dir} holds the platform ${before.trustDomain}, not ${trustDomain}: choose another directory`)
  }
  const { ports, ...chosen } = await choosePorts(before.ports ?? {}, basePort)
  writePrivately(file, JSON.stringify({ name, trustDomain, ports }, undefined, 2))
  return {
    layout: { name, trustDomain, dir, ports, site: { ...laptop(name, trustDomain, ports), ...site } },
    ...chosen,
  }
}

const HOST = '127.0.0.1'

/** Everything on this machine, for this machine. */
function laptop(name: string, trustDomain: string, ports: Ports): Site {
  return {
    host: HOST,
    postgres: `postgres://${HOST}:${ports.postgres}`,
    nats: `nats://${HOST}:${ports.nats}`,
    doorHost: HOST,
    tlogHost: HOST,
    ledgerFiles: 'optional',
    ownPostgres: true,
    endpoints: [{ url: `https://${HOST}:${ports.door}`, scope: 'lan', priority: 0 }],
    platformName: `Platform ${name.toUpperCase()}`,
    contact: `operator@${trustDomain}`,
    jurisdiction: 'EU',
    version: platformVersion(),
  }
}

/** The version of this checkout, which a platform discloses to its peers. */
export function platformVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  return version
}
