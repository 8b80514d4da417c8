import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { ensureStream, openBus, outboxIsEmpty, subjectsOf, type Bus } from '@powernode/events'
import { startTestNats, until } from '@powernode/events/testing'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger, Secret } from '@powernode/process'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { createClient } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { run } from './service.ts'
import { NOW, testGrants } from './testing.ts'

const TRUST_DOMAIN = 'a.test'
const peer = (n: number) => `019f0000-0000-7000-8000-00000000000${n}`

type Said = { peerId: string; mode: SpawnMode; role: SpawnRole }

/** What peer-registry would announce. */
async function announceEnrolled(bus: Bus, n: number, { peerId, mode, role }: Said): Promise<void> {
  const moved = create(PeerMovedSchema, {
    peer: { id: peerId, state: PeerState.ENROLLED, spawnMode: mode, spawnRole: role },
    previousState: PeerState.ACCEPTED,
    move: 'enroll',
  })
  const id = `019f0000-0000-7000-8000-0000000000a${n}`
  const event = create(EventSchema, {
    id,
    kind: 'federation.peer.enrolled',
    source: 'peer-registry',
    peerId,
    actor: 'operator/alice',
    at: timestampFromDate(NOW),
    payload: anyPack(PeerMovedSchema, moved),
  })
  const connection = await bus.connection(new AbortController().signal)
  await connection?.jetstream().publish(`fed.peer.enrolled.${peerId}`, toBinary(EventSchema, event), { msgID: id })
}

test('only a managed child of ours is given a grant when it enrolls, and the ledger will hear of it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-test-grants-'))
  const dirOf = (name: string) => join(dir, name)
  const authority = await makeTestAuthority(TRUST_DOMAIN)
  for (const name of ['grant-authz', 'peer-registry', 'nats'])
    await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name }, dirOf(name))
  await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'operator', name: 'alice' }, dirOf('alice'))

  const own = dirOf('nats')
  const tls = `cert_file: "${own}/cert.pem", key_file: "${own}/key.pem", ca_file: "${own}/roots.pem", verify: true`
  const [database, nats] = await Promise.all([testGrants(), startTestNats(`tls { ${tls} }`)])
  const stopping = new AbortController()
  const logger = createLogger('test', { level: 'silent' })
  const { promise: listening, resolve: onListening } = Promise.withResolvers<number>()
  const config = {
    databaseUrl: new Secret(database.url),
    natsUrl: nats.url,
    identityDir: dirOf('grant-authz'),
    trustDomain: TRUST_DOMAIN,
    listen: { host: '127.0.0.1', port: 0 },
    metricsPort: 0,
    peerRegistryAddress: { host: '127.0.0.1', port: 1 },
  }
  const running = run(config, stopping.signal, { logger, onListening })

  const bus = await openBus({ servers: nats.url, tlsDir: dirOf('peer-registry'), name: 'peer-registry' })
  const stream = { name: 'PEER_REGISTRY', subjects: subjectsOf('PEER_REGISTRY') }
  await ensureStream(bus, stream, stopping.signal)
  const { MANAGED_CHILD, AUTONOMOUS_PEER } = SpawnMode
  await announceEnrolled(bus, 1, { peerId: peer(1), mode: AUTONOMOUS_PEER, role: SpawnRole.PARENT })
  await announceEnrolled(bus, 2, { peerId: peer(2), mode: MANAGED_CHILD, role: SpawnRole.CHILD })
  await announceEnrolled(bus, 3, { peerId: peer(3), mode: MANAGED_CHILD, role: SpawnRole.PARENT })

  const address = { host: '127.0.0.1', port: await listening }
  const operator = { address, server: 'grant-authz', trustDomain: TRUST_DOMAIN, tlsDir: dirOf('alice') }
  const client = createClient(GrantAuthzService, { ...operator, clock: systemClock, logger }, stopping.signal)
  await until(async () => (await client.listGrants({})).grants.length > 0)
  await until(() => outboxIsEmpty(database.db))
  const { grants } = await client.listGrants({})
  expect(grants.map(({ peerId }) => peerId)).toEqual([peer(3)])
  expect(grants[0]).toMatchObject({ remoteSubject: `parent-operator@${peer(3)}`, status: 'active' })

  const connection = await bus.connection(stopping.signal)
  const jsm = await connection?.jetstreamManager()
  const last = await jsm?.streams.getMessage('GRANT_AUTHZ', { last_by_subj: `fed.grant.issued.${grants[0]?.id}` })
  expect(last?.seq).toBe(1)

  stopping.abort()
  await running
  await bus.close()
  await nats.stop()
  await database.drop()
  rmSync(dir, { recursive: true })
})
