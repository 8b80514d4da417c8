import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { ensureStream, openBus, outboxIsEmpty, subjectsOf, type Bus } from '@powernode/events'
import { publishSigned, startTestNats, until } from '@powernode/events/testing'
import { createSealingKeyFile } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger, createMetrics, Secret } from '@powernode/process'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { PeerKind, PeerSchema, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, mount, Refusal, serve, type CallersTable } from '@powernode/rpc'
import { everyOperator, partly } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from './service.ts'
import { NOW, testGrants } from './testing.ts'

const TRUST_DOMAIN = 'a.test'
const ID = (n: number) => `019f0000-0000-7000-8000-00000000000${n}`
const PARENT = { spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.CHILD }
const logger = createLogger('test', { level: 'silent' })

/** How many were announced in this test. */
let events = 0
let stopping: AbortController
let dir: string
let database: Awaited<ReturnType<typeof testGrants>>
let nats: Awaited<ReturnType<typeof startTestNats>>
let bus: Bus
let registry: Registry
let grants: Client<typeof GrantAuthzService>
let running: Promise<void>

beforeEach(async () => {
  events = 0
  stopping = new AbortController()
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-grants-'))
  const dirOf = (name: string) => join(dir, name)
  const authority = await makeTestAuthority(TRUST_DOMAIN)
  for (const name of ['grant-authz', 'peer-registry', 'nats'])
    await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name }, dirOf(name))
  await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'operator', name: 'alice' }, dirOf('alice'))

  const own = dirOf('nats')
  const tls = `cert_file: "${own}/cert.pem", key_file: "${own}/key.pem", ca_file: "${own}/roots.pem", verify: true`
  ;[database, nats] = await Promise.all([testGrants(), startTestNats(`tls { ${tls} }`)])
  registry = await startRegistry(dirOf('peer-registry'))
  const { promise: listening, resolve: onListening } = Promise.withResolvers<number>()
  const config = {
    databaseUrl: new Secret(database.url),
    natsUrl: nats.url,
    identityDir: dirOf('grant-authz'),
    trustDomain: TRUST_DOMAIN,
    listen: { host: '127.0.0.1', port: 0 },
    metricsPort: 0,
    peerRegistryAddress: { host: '127.0.0.1', port: registry.port },
    ...theRest(),
  }
  running = run(config, stopping.signal, { logger, onListening })
  bus = await openBus({ servers: nats.url, tlsDir: dirOf('peer-registry'), name: 'peer-registry' })
  const stream = { name: 'PEER_REGISTRY', subjects: subjectsOf('PEER_REGISTRY') } as const
  await ensureStream(bus, stream, stopping.signal)
  const address = { host: '127.0.0.1', port: await listening }
  const operator = { address, server: 'grant-authz', trustDomain: TRUST_DOMAIN, tlsDir: dirOf('alice') }
  grants = createClient(GrantAuthzService, { ...operator, clock: systemClock, logger }, stopping.signal)
})
afterEach(async () => {
  stopping.abort()
  await running
  await registry.goAway()
  await bus.close()
  await nats.stop()
  await database.drop()
  rmSync(dir, { recursive: true })
})

type Registry = {
  readonly port: number
  /** What it holds: id to what is said of that peer. */
  readonly peers: Map<string, object>
  readonly asked: string[]
  readonly goAway: () => Promise<void>
  readonly comeBack: () => Promise<void>
}

/** What is needed to start, and has no part in these stories; nobody answers where the others should be. */
function theRest() {
  const nobody = { host: '127.0.0.1', port: 1 }
  const [sealingKeyFile, operatorTokenKeyFile] = [join(dir, 'sealing.key'), join(dir, 'token.pem')]
  createSealingKeyFile(sealingKeyFile)
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(operatorTokenKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const inventoryFile = fileURLToPath(new URL('../inventory/federation_inventory.yaml', import.meta.url))
  return {
    gatewayAddress: nobody,
    auditLedgerAddress: nobody,
    ownAddress: nobody,
    sealingKey: { file: sealingKeyFile, previousFile: undefined },
    operatorTokenKeyFile,
    feedLeaseMs: 1_000,
    firstOperator: 'alice',
    inventoryFile,
    homeRegion: '',
    oidc: undefined,
  }
}

/** A peer-registry that holds what the test says, behind the TLS and the table of callers of a real one. */
async function startRegistry(tlsDir: string): Promise<Registry> {
  const peers = new Map<string, object>()
  const asked: string[] = []
  const handlers = partly(PeerRegistryService, {
    getPeer({ peer: id }) {
      asked.push(id)
      const held = peers.get(id)
      if (!held) throw new Refusal('PEER_NOT_FOUND', `there is no peer ${id}`)
      return { peer: create(PeerSchema, { id, kind: PeerKind.PLATFORM, state: PeerState.ENROLLED, ...held }) }
    },
  })
  const none = Object.fromEntries(PeerRegistryService.methods.map(({ localName }) => [localName, [] as const]))
  const callers = { ...none, getPeer: ['service/grant-authz'] } as unknown as CallersTable<typeof PeerRegistryService> // a row for each method
  let port = 0
  let stop = async () => {}
  const start = async () => {
    const ending = new AbortController()
    const { promise, resolve: onListening } = Promise.withResolvers<number>()
    const listen = { host: '127.0.0.1', port }
    const services = [mount(PeerRegistryService, handlers, callers)]
    const way = { tlsDir, trustDomain: TRUST_DOMAIN, clock: systemClock, logger, metrics: createMetrics('test') }
    const operators = everyOperator
    const ended = serve({ name: 'peer-registry', listen, services, operators, onListening, ...way }, ending.signal)
    port = await promise
    stop = async () => {
      ending.abort()
      await ended
    }
  }
  await start()
  return { port, peers, asked, goAway: () => stop(), comeBack: start }
}

/** What peer-registry would announce, or a thief of its key: that a parent of ours did this. */
async function announce(word: 'enrolled' | 'revoked', peerId: string): Promise<void> {
  const state = word === 'enrolled' ? PeerState.ENROLLED : PeerState.REVOKED
  const moved = create(PeerMovedSchema, { peer: { id: peerId, kind: PeerKind.PLATFORM, state, ...PARENT } })
  const id = `019f0000-0000-7000-8000-${(0xa000 + ++events).toString(16).padStart(12, '0')}`
  const event = create(EventSchema, {
    id,
    kind: `federation.peer.${word}`,
    source: 'peer-registry',
    peerId,
    actor: 'operator/alice',
    at: timestampFromDate(NOW),
    payload: anyPack(PeerMovedSchema, moved),
  })
  await publishSigned(bus, `fed.peer.${word}.x`, toBinary(EventSchema, event))
}

const held = async () => (await grants.listGrants({})).grants.map(({ peerId, status }) => `${peerId} ${status}`)
/** Until each event of this test has its receipt, or was laid aside. */
const heard = () =>
  until(async () => {
    const { rows } = await sql<{ count: string }>`
      select (select count(*) from inbox) + (select count(*) from dead_letter) as count`.execute(database.db)
    return Number(rows[0]?.count) === events
  })
const noted = async () =>
  (await sql<{ id: string }>`select peer_id as id from peer_review`.execute(database.db)).rows.map(({ id }) => id)
const settled = async () => {
  await heard()
  await until(async () => (await noted()).length === 0)
}

test('the parent of a managed child is given its grant when it enrolls, and the ledger will hear of it', async () => {
  registry.peers.set(ID(1), PARENT)
  await announce('enrolled', ID(1))
  await announce('enrolled', ID(1))
  await settled()
  const { grants: all } = await grants.listGrants({})
  expect(all).toMatchObject([{ peerId: ID(1), remoteSubject: `parent-operator@${ID(1)}`, status: 'active' }])

  await until(() => outboxIsEmpty(database.db))
  const connection = await bus.connection(stopping.signal)
  const jsm = await connection?.jetstreamManager()
  const last = await jsm?.streams.getMessage('GRANT_AUTHZ', { last_by_subj: `fed.grant.issued.${all[0]?.id}` })
  expect(last?.seq).toBeGreaterThan(0)
})

test('a forged enrolment grants nothing: of a peer that the registry does not know, or knows as another', async () => {
  registry.peers.set(ID(2), { spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.SYMMETRIC })
  registry.peers.set(ID(3), { spawnMode: SpawnMode.AUTONOMOUS_PEER, spawnRole: SpawnRole.CHILD })
  registry.peers.set(ID(7), { ...PARENT, spawnRole: SpawnRole.PARENT })
  registry.peers.set(ID(4), { ...PARENT, state: PeerState.ACCEPTED })
  registry.peers.set(ID(5), { ...PARENT, kind: PeerKind.SDWAN_ONLY })
  registry.peers.set(ID(6), { ...PARENT, id: ID(8) })
  for (const n of [1, 2, 3, 4, 5, 6, 7]) await announce('enrolled', ID(n))
  await settled()
  expect(new Set(registry.asked)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7].map(ID)))
  expect(await held()).toEqual([])
})

test('an event about what is no id is laid aside, and nobody is asked', async () => {
  await announce('enrolled', `'; drop table peer`)
  await settled()
  const { rows } = await sql<{ reason: string }>`select reason from dead_letter`.execute(database.db)
  expect([rows, registry.asked]).toEqual([[{ reason: 'REQUEST_INVALID' }], []])
})

test('a forged revocation ends nothing, a true one does', async () => {
  registry.peers.set(ID(1), PARENT)
  await announce('enrolled', ID(1))
  await settled()
  await announce('revoked', ID(1))
  await settled()
  registry.peers.delete(ID(1))
  await announce('revoked', ID(1))
  await settled()
  expect(await held()).toEqual([`${ID(1)} active`])
  registry.peers.set(ID(1), { ...PARENT, state: PeerState.REVOKED })
  await announce('revoked', ID(1))
  await settled()
  expect(await held()).toEqual([`${ID(1)} revoked`])
})

test('while the registry is away nothing is granted, and the news is not lost', async () => {
  await registry.goAway()
  registry.peers.set(ID(1), PARENT)
  await announce('enrolled', ID(1))
  await heard()
  const tried = async () =>
    (await sql<{ tried: number }>`select attempts as tried from peer_review`.execute(database.db)).rows[0]?.tried ?? 0
  await until(async () => (await tried()) > 0)
  expect(await held()).toEqual([])
  await registry.comeBack()
  await settled()
  expect(await held()).toEqual([`${ID(1)} active`])
})
