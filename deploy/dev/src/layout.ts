import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { choosePorts, type Moved, type Ports } from './ports.ts'
import { writePrivately } from './secrets.ts'
import { type ServiceName } from './services.ts'

/** Where everything of one platform lies, and which ports it has. */
export type Layout = {
  readonly name: string
  readonly trustDomain: string
  readonly dir: string
  readonly ports: Ports
}

/** The identity directories that a platform's certificates are written into. */
export type Identity = ServiceName | 'nats' | 'admin'

export const identityDir = ({ dir }: Pick<Layout, 'dir'>, identity: Identity) => join(dir, 'identity', identity)
export const logFile = ({ dir }: Pick<Layout, 'dir'>, service: string) => join(dir, 'log', `${service}.log`)
export const secretPath = ({ dir }: Pick<Layout, 'dir'>, secret: string) => join(dir, 'secrets', secret)
/** What `fedctl` reads to reach this platform. */
export const fedctlContext = ({ dir }: Pick<Layout, 'dir'>) => join(dir, 'fedctl.json')
export const doorUrl = ({ ports }: Pick<Layout, 'ports'>) => `https://127.0.0.1:${ports.door}`

/** Lays a platform out in `dir`, as it was before if it was there before. */
export async function layOut(options: {
  readonly dir: string
  readonly name: string
  readonly trustDomain: string
  readonly basePort?: number | undefined
}): Promise<{ layout: Layout; moved: Moved[] }> {
  const { dir, name, trustDomain, basePort } = options
  for (const part of ['', 'log', 'secrets', 'identity']) mkdirSync(join(dir, part), { recursive: true, mode: 0o711 })
  const file = join(dir, 'platform.json')
  const before: Partial<Layout> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  if (before.trustDomain !== undefined && before.trustDomain !== trustDomain) {
    throw new Error(`${dir} holds the platform ${before.trustDomain}, not ${trustDomain}: choose another directory`)
  }
  const { ports, moved } = await choosePorts(before.ports ?? {}, basePort)
  writePrivately(file, JSON.stringify({ name, trustDomain, ports }, undefined, 2))
  return { layout: { name, trustDomain, dir, ports }, moved }
}
