import { randomBytes, randomUUID } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createMetrics } from '@powernode/process'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { HeartbeatRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { LivenessService, type HeardHeartbeatSchema } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse, startTestServer } from '@powernode/rpc/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PeerFeed } from './feed/peer-feed.ts'
import type { WatchedPeer } from './feed/watched-peer.ts'
import { noHeads } from './heads/ledger-heads.ts'
import { beatMetrics } from './metrics/beat-metrics.ts'
import { livenessDatabase } from './operations/testing.ts'
import { Tally } from './level/tally.ts'
import { createRecorder } from './recorder/recorder.ts'
import { CALLERS, handlers } from './rpc.ts'
import * as freshness from './store/freshness.ts'
import type { Tables } from './store/tables.ts'
import { Ear } from './watch/ear.ts'

const clock = new FakeClock()
const peer: WatchedPeer = {
  peerId: randomUUID(),
  state: 'active',
  staleAfterMs: 300_000,
  versionStatus: 'compatible',
  heartbeatIntervalMs: 60_000,
  certificates: [],
  trustBundleSequence: 1n,
}
const feed: PeerFeed = {
  peers: new Map([[peer.peerId, peer]]),
  local: () => undefined,
  isComplete: () => true,
  subscribe: () => {},
  follow: async () => {},
}
let database: TestDatabase<Tables>
let server: ReturnType<typeof startTestServer>
beforeAll(async () => {
  database = await livenessDatabase()
  const { db } = database
  const metrics = beatMetrics(createMetrics('liveness'))
  const deps = {
    db,
    clock,
    feed,
    heads: noHeads,
    ear: new Ear(),
    metrics,
    recorder: createRecorder({ db, clock, tally: new Tally() }),
  }
  server = startTestServer(mount(LivenessService, handlers(deps), CALLERS))
})
afterAll(() => database.drop())

type Heard = MessageInitShape<typeof HeardHeartbeatSchema>
const incarnation = randomBytes(16)
const heard = (number: number, said: Partial<Heard> = {}): Heard => ({
  number: BigInt(number),
  peerId: peer.peerId,
  receivedAt: timestampFromDate(clock.now()),
  heartbeat: create(HeartbeatRequestSchema, {
    nonce: randomBytes(16),
    sentAt: timestampFromDate(clock.now()),
    epoch: 1n,
    incarnation,
    sequence: BigInt(number),
    platformSha256: Buffer.alloc(32, 1),
  }),
  ...said,
})
const asGateway = () => server.clientAs(LivenessService, { kind: 'service', name: 'federation-gateway' })
const asOperator = () => server.clientAs(LivenessService, { kind: 'operator', name: 'alice' })
async function record(...messages: readonly (readonly Heard[])[]) {
  async function* requests() {
    for (const heartbeats of messages) yield { heartbeats: [...heartbeats] }
  }
  const answers = []
  for await (const { heartbeats } of asGateway().recordHeartbeats(requests())) answers.push(...heartbeats)
  return answers
}

test('nobody but those in the table gets in', async () => {
  await refusesEverybodyElse(LivenessService, CALLERS, server.clientAs)
})

test('every beat of the stream is answered by its number, after it is recorded', async () => {
  const messages = [...Array(20)].map((_, at) => [...Array(25)].map((_, index) => heard(at * 25 + index + 1)))
  const answers = await record(...messages)
  const numbers = answers.map(({ number }) => Number(number)).toSorted((a, b) => a - b)
  expect(numbers).toEqual([...Array(500)].map((_, at) => at + 1))
  const nonces = new Map(messages.flat().map(({ number, heartbeat }) => [number, heartbeat?.nonce ?? Buffer.alloc(0)]))
  for (const { number, response } of answers) {
    expect(Buffer.from(response!.echoNonce).equals(nonces.get(number)!)).toBe(true)
    expect(response).toMatchObject({
      state: 'active',
      wantPlatform: true,
      lastEpoch: 1n,
    })
  }
  const [row] = await inTransaction(database.db, (tx) => freshness.page(tx, '00000000-0000-0000-0000-000000000000', 10))
  expect(row).toMatchObject({ peerId: peer.peerId, sequence: 500n })
})

test('a beat from the future counts from now, so that no clock keeps a dead peer alive', async () => {
  const peerId = randomUUID()
  const future = timestampFromDate(new Date(clock.now().getTime() + 86_400_000))
  await record([heard(1, { peerId, receivedAt: future })])
  const { freshness: rows } = await asOperator().listFreshness({ peerIds: [peerId] })
  expect(rows.map(({ lastHeardAt }) => lastHeardAt && timestampDate(lastHeardAt))).toEqual([clock.now()])
})

test('a description too large for an event is not taken, and harms no other beat', async () => {
  const platform = create(PlatformDescriptionSchema, {
    platformId: 'a'.repeat(32),
    identityKey: Buffer.alloc(32, 1),
    trustDomain: 'b.example',
    capabilities: { list: 'y'.repeat(300_000) },
  })
  const [big, small] = [heard(1, { peerId: randomUUID() }), heard(2, { peerId: randomUUID() })]
  const answers = await record([
    { ...big, heartbeat: create(HeartbeatRequestSchema, { ...big.heartbeat, platform }) },
    small,
  ])
  expect(answers.map(({ number, response }) => [number, response?.wantPlatform])).toEqual([
    [1n, true],
    [2n, true],
  ])
})

test('a message that is no beat ends the stream with a refusal, and records nothing', async () => {
  await expectRefusal(record([heard(1, { peerId: 'somebody' })]), 'REQUEST_INVALID')
  await expectRefusal(record([{ number: 1n, peerId: peer.peerId }]), 'REQUEST_INVALID')
})

test('freshness is listed page by page, or of those who are asked for', async () => {
  await record([...Array(7)].map((_, at) => heard(at + 1, { peerId: randomUUID() })))
  const client = asOperator()
  const all = (await client.listFreshness({})).freshness.map(({ peerId }) => peerId)
  const paged: string[] = []
  let pageToken = ''
  do {
    const page = await client.listFreshness({ pageSize: 3, pageToken })
    paged.push(...page.freshness.map(({ peerId }) => peerId))
    pageToken = page.nextPageToken
  } while (pageToken)
  expect(paged).toEqual(all)
  const { freshness: some } = await client.listFreshness({ peerIds: [all[2]!, 'nobody', randomUUID()] })
  expect(some).toMatchObject([{ peerId: all[2]!, hearing: 'we_hear_them', announced: 'unknown' }])
  await expectRefusal(client.listFreshness({ pageToken: 'x' }), 'PAGE_TOKEN_INVALID')
})
