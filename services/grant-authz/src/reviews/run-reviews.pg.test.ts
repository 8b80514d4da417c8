import { create } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { inTransaction } from '@powernode/postgres'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { GetPeerResponseSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PeerKind, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { Refusal } from '@powernode/rpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listGrants } from '../operations/grants/list-grants.ts'
import { notePeer } from '../operations/reviews/note-peer.ts'
import { statusAt } from '../grant.ts'
import * as reviews from '../store/reviews.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { sweep } from '../sweeps.ts'
import { announced, NOW, PEER, testGrants } from '../testing.ts'
import { SEALING } from '../testing/grants.ts'
import type { Registry } from './ask-registry.ts'
import { runReviews } from './run-reviews.ts'

let database: TestDatabase<Tables>
let clock: FakeClock
let stopping: AbortController
let running: Promise<unknown>
/** What the registry answers: a state of our parent, or what it fails with. */
let answer: PeerState | Error
let asked: number

const registry: Registry = {
  async getPeer({ peer: id = '' }) {
    asked += 1
    if (answer instanceof Error) throw answer
    const parent = { kind: PeerKind.PLATFORM, spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.CHILD }
    return create(GetPeerResponseSchema, { peer: { id, state: answer, ...parent } })
  },
}

beforeEach(async () => {
  database = await testGrants()
  clock = new FakeClock(NOW)
  stopping = new AbortController()
  answer = PeerState.ENROLLED
  asked = 0
  const logger = createLogger('test', { level: 'silent' })
  const deps = {
    db: database.db,
    listener: testListener({ url: database.url }),
    registry,
    sealing: SEALING,
    clock,
    logger,
    metrics: createMetrics('test'),
  }
  running = Promise.all([
    runReviews(deps, stopping.signal),
    runReviews({ ...deps, metrics: createMetrics('another replica') }, stopping.signal),
    sweep(deps, 'note_known', stopping.signal),
  ])
})
afterEach(async () => {
  stopping.abort()
  await running
  await database.drop()
})

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const ring = () => act((tx) => notePeer(tx, clock.now(), { peerId: PEER, correlationId: '', traceparent: '' }))
const noteIsGone = () => until(async () => (await act((tx) => reviews.nextDueAt(tx))) === undefined)
const postponed = () => until(async () => ((await act((tx) => reviews.nextDueAt(tx))) ?? NOW) > clock.now())
const held = async () =>
  (
    await act((tx) =>
      listGrants(tx, clock.now(), { peerId: '', resourceKind: '', statuses: [], last: undefined, limit: 9 }),
    )
  ).grants.map((grant) => statusAt(grant, clock.now()))

test('a note is looked at as soon as it is committed, whichever replica takes it', async () => {
  await ring()
  await noteIsGone()
  expect(await held()).toEqual(['active'])
})

test('a revocation that nobody told of ends the grants within a minute', async () => {
  await clock.sleeping(3) // both replicas and the sweep have had their first look, when there was nothing yet
  await ring()
  await noteIsGone()
  answer = PeerState.REVOKED
  await clock.sleeping(3)
  expect(await held()).toEqual(['active'])
  await clock.advance(60_000)
  await until(async () => (await held())[0] === 'revoked')
  expect((await act(announced)).filter((word) => word.startsWith('grant'))).toEqual(['grant.issued', 'grant.revoked'])
})

test.each([
  ['is away', new ConnectError('away', Code.Unavailable)],
  ['does not let us ask', new Refusal('CALLER_NOT_ALLOWED', 'not you')],
  ['fails', new Error('a fault')],
])('a registry that %s has said nothing: it is asked again, and its answer counts', async (_how, failure) => {
  answer = failure
  await ring()
  await until(async () => asked > 0)
  await postponed()
  expect(await held()).toEqual([])
  answer = PeerState.ENROLLED
  await until(async () => {
    await clock.advance(2_000)
    return (await held()).length > 0
  })
  await noteIsGone()
  expect(await held()).toEqual(['active'])
})

test.each(['PEER_NOT_FOUND', 'PEER_AMBIGUOUS'] as const)(
  '%s: there is no such peer, and nothing is left of it',
  async (reason) => {
    answer = new Refusal(reason, 'no')
    await ring()
    await until(async () => asked > 0)
    await noteIsGone()
    expect(await held()).toEqual([])
  },
)
