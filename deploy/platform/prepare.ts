import { chownSync, lchownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { main } from '@powernode/process'
import { prepareDatabases } from '../dev/src/database.ts'
import { environmentOf } from '../dev/src/environment.ts'
import { initialise } from '../dev/src/initialise.ts'
import { dataDir, identityDir, secretPath, type Layout } from '../dev/src/layout.ts'
import { atLeast, isAtLeast } from '../dev/src/nats.ts'
import { writePrivately } from '../dev/src/secrets.ts'
import { SERVICE_NAMES, type ServiceName } from '../dev/src/services.ts'
import { natsConfig } from '../nats/config.ts'
import { natsUsers } from '../nats/permissions.ts'
import { preparationFrom, type Preparation } from './config.ts'
import { lackOfConnections } from './connections.ts'
import { envFile } from './env-file.ts'

/**
 * Prepares one platform on this host, or brings it up to this version: database, schemas, identity key, CA, certificates,
 * and the configuration of every service and of its nats-server. Safe to repeat; starts nothing.
 *
 * Run as root, so that each service's user owns its own key and none other's.
 */
export async function prepare(preparation: Preparation): Promise<string[]> {
  const { layout, configDir, adminUrl } = preparation
  for (const dir of [
    layout.dir,
    join(layout.dir, 'secrets'),
    join(layout.dir, 'identity'),
    join(layout.dir, 'data'),
    agentDir(layout),
    configDir,
  ]) {
    mkdirSync(dir, { recursive: true, mode: 0o711 }) // to be passed through: what lies in it is each owner's own
  }
  await prepareDatabases(layout, adminUrl.reveal())
  await initialise(layout, {})
  const written = writeConfiguration(preparation)
  handOver(layout, configDir)
  return written
}

/** Whether the nats-server of this host knows `sync_interval`; without it what is acknowledged may be lost with the power. */
function syncsAlways(natsVersion: string | undefined): boolean {
  if (natsVersion !== undefined) return isAtLeast(natsVersion, 2, 10)
  return ['nats-server', '/usr/sbin/nats-server'].some((binary) => atLeast(binary, 2, 10))
}

function writeConfiguration({
  layout,
  settings,
  configDir,
  nats: { version, storeDir, pidFile },
}: Preparation): string[] {
  const identity = identityDir(layout, 'nats')
  const { host, port } = { host: new URL(layout.site.nats).hostname, port: layout.ports.nats }
  const nats = natsConfig({
    serverName: `powernode-${layout.name}`,
    listen: { host, port },
    storeDir,
    pidFile,
    tls: { cert: join(identity, 'cert.pem'), key: join(identity, 'key.pem'), ca: join(identity, 'roots.pem') },
    account: 'PLATFORM',
    users: natsUsers(layout.trustDomain),
    systemUser: `spiffe://${layout.trustDomain}/service/nats`,
    syncAlways: syncsAlways(version),
  })
  const natsIdentity = {
    IDENTITY_DIR: identity,
    TRUST_DOMAIN: layout.trustDomain,
    PEER_REGISTRY_ADDRESS: `${layout.site.host}:${layout.ports['peer-registry']}`,
    NATS_PID_FILE: pidFile,
  }
  const at = (service: ServiceName) => `${layout.site.host}:${layout.ports[service]}`
  const nodeAgent = {
    IDENTITY_DIR: identityDir(layout, 'node-agent'),
    TRUST_DOMAIN: layout.trustDomain,
    STATE_DIR: agentDir(layout),
    PEER_REGISTRY_ADDRESS: at('peer-registry'),
    GRANT_AUTHZ_ADDRESS: at('grant-authz'),
    GATEWAY_ADDRESS: at('federation-gateway'),
  }
  const variables = (service: ServiceName) => envFile(environmentOf(service, layout, settings))
  const files = new Map(SERVICE_NAMES.map((service) => [`${service}.env`, variables(service)]))
  files.set('nats-identity.env', envFile(natsIdentity)).set('nats.conf', nats).set('node-agent.env', envFile(nodeAgent))
  for (const [file, text] of files) writePrivately(join(configDir, file), text.trimEnd())
  return [...files.keys()].map((file) => join(configDir, file))
}

/** Where the node's agent remembers that its first run is over. */
const agentDir = ({ dir }: Pick<Layout, 'dir'>): string => join(dir, 'data', 'node-agent')

/** Secrets that a service reads itself, beside its environment and its identity. */
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  'peer-registry': ['sealing-key'],
  'grant-authz': ['grant-sealing-key', 'operator-token-key'],
  'audit-ledger': ['ledger-sealing-key'],
  'spawn-provisioner': ['spawn-sealing-key'],
  'sdwan-compiler': ['sdwan-sealing-key'],
}

/** Gives each service its own directory. Where the users of sysusers.conf are missing, everything stays with whoever ran this. */
function handOver(layout: Layout, configDir: string): void {
  if (process.getuid?.() !== 0) return
  for (const name of [...SERVICE_NAMES, 'nats', 'node-agent'] as const) {
    const user = userOf(`powernode-${name}`)
    if (user === undefined) continue
    const dir = identityDir(layout, name)
    for (const path of [
      dir,
      ...readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((file) => join(dir, file)),
    ]) {
      lchownSync(path, user.uid, user.gid) // never through a link: the last owner may have put it there
    }
    if (name === 'audit-ledger' || name === 'spawn-provisioner') lchownSync(dataDir(layout, name), user.uid, user.gid)
    if (name === 'node-agent') lchownSync(agentDir(layout), user.uid, user.gid)
    if (name === 'nats') chownSync(join(configDir, 'nats.conf'), user.uid, user.gid)
    for (const secret of SECRETS[name] ?? []) chownSync(secretPath(layout, secret), user.uid, user.gid)
  }
}

function userOf(name: string): { uid: number; gid: number } | undefined {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

if (import.meta.main) {
  await main(async () => {
    const preparation = preparationFrom(process.env)
    const written = await prepare(preparation)
    process.stdout.write(`${written.join('\n')}\n`)
    const lack = await lackOfConnections(preparation.adminUrl.reveal())
    if (lack !== undefined) process.stderr.write(`${lack}\n`)
  })
}
