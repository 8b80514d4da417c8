import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readTlsFiles } from '@powernode/identity'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChild, type Child } from '../dev/src/child.ts'
import { waitUntilServing } from '../dev/src/health.ts'
import { identityDir } from '../dev/src/layout.ts'
import { findNatsServer } from '../dev/src/nats.ts'
import { lastWords } from '../dev/src/platform.ts'
import { choosePorts } from '../dev/src/ports.ts'
import { removePostgres, startPostgres, type Postgres } from '../dev/src/postgres.ts'
import { SERVICE_NAMES } from '../dev/src/services.ts'
import { preparationFrom, type Preparation } from './config.ts'
import { lackOfConnections } from './connections.ts'
import { parseEnvFile } from './env-file.ts'
import { prepare } from './prepare.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'powernode-prepare-'))
/** Each is asked for by one service: those that are wrong would keep it from starting. */
const SAID_FOR_ONE = {
  SEAL_INTERVAL: '10m',
  ENTRIES_KEPT_FOR: '730d',
  MIRROR_QUOTA_MB: '2048',
  MIRROR_MB_PER_MINUTE: '64',
  DOUBT_FOR: '30s',
  RECONCILE_EVERY: '12h',
  FEED_LEASE: '2s',
  AUDIT_FORK_POLICY: 'alert',
  HEARTBEAT_INTERVAL: '30s',
  STALE_AFTER: '2m',
  SWEEP_INTERVAL: '2s',
  TICK_INTERVAL: '15s',
  NODES_LISTEN: '127.0.0.1:0',
  OIDC_ISSUER: 'https://issuer.invalid',
  OIDC_AUDIENCE: 'powernode',
  OIDC_ALGORITHMS: 'ES256',
}
const running: Child[] = []
let postgres: Postgres
let preparation: Preparation

beforeAll(async () => {
  postgres = await startPostgres({ dir: join(dir, 'postgres'), fast: true }, AbortSignal.any([]))
  const { ports } = await choosePorts({}, undefined)
  preparation = preparationFrom({
    TRUST_DOMAIN: 'real.example',
    PLATFORM_NAME: 'Real',
    FEDERATION_LISTEN: `127.0.0.1:${ports.door}`,
    FEDERATION_URLS: `https://federation.real.example:8443,https://127.0.0.1:${ports.door}`,
    CONTACT: 'someone@real.example',
    JURISDICTION: 'DE',
    POSTGRES_ADMIN_URL: postgres.url,
    NATS_LISTEN: `127.0.0.1:${ports.nats}`,
    NATS_STORE_DIR: join(dir, 'jetstream'),
    NATS_PID_FILE: join(dir, 'nats.pid'),
    BASE_PORT: String(ports['peer-registry'] - 1),
    STATE_DIR: join(dir, 'state'),
    CONFIG_DIR: join(dir, 'config'),
    ...SAID_FOR_ONE,
  })
})

afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()))
  await postgres.stop()
  removePostgres(join(dir, 'postgres'))
  rmSync(dir, { recursive: true, force: true })
})

/** What a unit of systemd would have anyway, and what was compiled before. */
const OWN = {
  PATH: process.env['PATH'] ?? '',
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(ROOT, '.cache', 'compile'),
}

async function start(name: string, command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const logFile = join(dir, `${name}.log`)
  running.push(await startChild({ command, args, env: { ...OWN, ...env }, cwd: ROOT, logFile, stopSignal: 'SIGTERM' }))
}

const envOf = (name: string) => parseEnvFile(readFileSync(join(dir, 'config', `${name}.env`), 'utf8'))

test('one command prepares a platform whose services then serve, each with the file that was written for it', async () => {
  const written = await prepare(preparation)
  expect(await lackOfConnections(preparation.adminUrl.reveal())).toBeUndefined()
  expect(written.map((path) => path.slice(join(dir, 'config').length + 1)).toSorted()).toEqual(
    [...SERVICE_NAMES.map((name) => `${name}.env`), 'nats-identity.env', 'nats.conf', 'node-agent.env'].toSorted(),
  )
  await start('nats', await findNatsServer(join(ROOT, '.cache/bin')), ['-c', join(dir, 'config', 'nats.conf')])
  for (const name of SERVICE_NAMES) {
    await start(name, process.execPath, ['--tls-min-v1.3', `services/${name}/src/main.ts`], envOf(name))
  }
  await start('nats-identity', process.execPath, ['deploy/nats/keep-identity.ts'], envOf('nats-identity'))
  const { layout } = preparation
  await Promise.all(
    SERVICE_NAMES.map((service) => {
      const target = { address: `127.0.0.1:${layout.ports[service]}`, service, trustDomain: layout.trustDomain }
      const serving = waitUntilServing(target, identityDir(layout, 'admin'), AbortSignal.timeout(120_000))
      return serving.catch((cause: Error) => {
        throw new Error(lastWords(join(dir, `${service}.log`)), { cause })
      })
    }),
  )
})

test('the agent of a node that nobody made to be a child ends by itself, and says so', async () => {
  const { STATE_DIR = '', ...said } = envOf('node-agent')
  const nowhere = { PAYLOAD_ROOT: join(dir, 'none'), PAYLOAD_FILE: join(dir, 'none.json') }
  const env = { ...OWN, ...said, STATE_DIR, ...nowhere }
  const logFile = join(dir, 'node-agent.log')
  const args = ['--tls-min-v1.3', 'services/node-agent/src/main.ts']
  const agent = await startChild({ command: process.execPath, args, env, cwd: ROOT, logFile, stopSignal: 'SIGTERM' })
  expect(await agent.exited).toMatchObject({ code: 0 })
  expect(readFileSync(join(STATE_DIR, 'progress'), 'utf8')).toContain('no boot payload')
})

test('every file with a secret is its owner’s alone', () => {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(config|state)\/(?!data\/)/.test(path) && !path.includes('/.'))
    .map((path) => join(dir, path))
    .filter((path) => statSync(path).isFile())
  expect(files.length).toBeGreaterThan(20)
  expect(files.filter((path) => (statSync(path).mode & 0o077) !== 0)).toEqual([])
})

test('a second time it changes nothing that is good', async () => {
  const serials = () => SERVICE_NAMES.map((name) => readTlsFiles(identityDir(preparation.layout, name)).serial)
  const [before, env] = [serials(), envOf('peer-registry')]
  await prepare(preparation)
  expect(serials()).toEqual(before)
  expect(envOf('peer-registry')).toEqual(env)
})

test('what is said for one service alone is in its environment, and in no other, and so it is after a second time', async () => {
  const names = Object.keys(SAID_FOR_ONE)
  await prepare(preparation)
  const said = SERVICE_NAMES.map((service) => Object.entries(envOf(service)).filter(([name]) => names.includes(name)))
  const leases = SERVICE_NAMES.filter((service) => 'FEED_LEASE' in envOf(service))
  expect(leases.toSorted(), 'those that have feeds').toEqual(['grant-authz', 'peer-registry'])
  expect(said.flat()).toHaveLength(names.length + leases.length - 1)
  expect(Object.fromEntries(said.flat())).toEqual(SAID_FOR_ONE)
})

test('what is missing from the one file is named, all at once', () => {
  expect(() => preparationFrom({ TRUST_DOMAIN: 'x.example' })).toThrow(
    /CONTACT[\s\S]*POSTGRES_ADMIN_URL|POSTGRES_ADMIN_URL[\s\S]*CONTACT/,
  )
})
