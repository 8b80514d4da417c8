import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { configFrom } from '../../../services/peer-registry/src/config.ts'
import { initPlatform, type IdentityWanted } from '../../../services/peer-registry/src/init.ts'
import { urlFor } from './database.ts'
import { environmentOf, type Settings } from './environment.ts'
import { dataDir, fedctlContext, identityDir, postgresName, secretPath, type Layout } from './layout.ts'
import { secretFile, writePrivately } from './secrets.ts'
import { SERVICE_NAMES } from './services.ts'

/**
 * Gives a platform its identity key, its CA and a certificate for everybody who needs one to start: each service, the
 * nats-server, the node's agent and the first operator. Safe to repeat: only what is missing or has run out is made.
 */
export async function initialise(layout: Layout, settings: Settings): Promise<void> {
  for (const name of [
    'sealing-key',
    'grant-sealing-key',
    'ledger-sealing-key',
    'spawn-sealing-key',
    'sdwan-sealing-key',
  ])
    secretFile(secretPath(layout, name), () => randomBytes(32).toString('base64'))
  secretFile(secretPath(layout, 'operator-token-key'), ed25519Pem)
  for (const name of ['audit-ledger', 'spawn-provisioner'] as const)
    mkdirSync(dataDir(layout, name), { recursive: true, mode: 0o750 })
  const { self, lifetimes, sealingKey, trustDomain } = configFrom(environmentOf('peer-registry', layout, settings))
  const databaseUrl = urlFor(layout, 'peer_registry')
  const identities = [
    ...[...SERVICE_NAMES, 'nats' as const, 'node-agent' as const].map((name) => service(layout, name)),
    ...(layout.site.ownPostgres ? [service(layout, 'postgres')] : []),
    operator(layout),
  ]
  await initPlatform({ databaseUrl, trustDomain, sealingKey, self, lifetimes, identities })
  writeContext(layout)
}

const ed25519Pem = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim()

/** The names a service answers under besides its SPIFFE id: for tools that ask for a host name (curl, grpcurl). */
const service = (
  layout: Layout,
  name: (typeof SERVICE_NAMES)[number] | 'nats' | 'node-agent' | 'postgres',
): IdentityWanted => ({
  kind: 'service',
  name,
  dir: identityDir(layout, name),
  hosts: [
    ...new Set([
      'localhost',
      '127.0.0.1',
      ...(name === 'federation-gateway' ? doorHosts(layout) : [layout.site.host]),
      ...(name === 'postgres' ? [postgresName(layout)] : []),
    ]),
  ],
})

const operator = (layout: Layout): IdentityWanted => ({
  kind: 'operator',
  name: 'admin',
  dir: identityDir(layout, 'admin'),
  hosts: [],
})

const doorHosts = ({ site }: Layout) => [site.host, ...site.endpoints.map(({ url }) => hostOf(url))]

const hostOf = (url: string) => new URL(url).hostname.replace(/^\[|\]$/g, '')

/** How fedctl reaches the platform, as its first operator. */
function writeContext(layout: Layout): void {
  const { name, trustDomain, ports, site } = layout
  const services = Object.fromEntries(SERVICE_NAMES.map((service) => [service, `${site.host}:${ports[service]}`]))
  const context = { name, trustDomain, identityDir: identityDir(layout, 'admin'), services }
  writePrivately(fedctlContext(layout), JSON.stringify(context, undefined, 2))
}
