import { randomUUID } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createClient, createRouterTransport } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { PeerKind, PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { WatchPeersResponseSchema, type PeerRouteSchema } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPeerFeed, type Change, type PeerFeed } from './peer-feed.ts'

type Update = NonNullable<MessageInitShape<typeof WatchPeersResponseSchema>['update']>
/** What one life of the stream says before it breaks; the last one stays open. */
let lives: readonly (readonly Update[])[] = []
let begun = 0
let clock: FakeClock
let feed: PeerFeed
let stop: AbortController
let following: Promise<void>

const transport = createRouterTransport(({ service }) => {
  service(PeerRegistryService, {
    async *watchPeers(_, { signal }) {
      const life = lives[begun++]
      for (const update of life ?? []) yield create(WatchPeersResponseSchema, { update })
      if (begun < lives.length) throw new Error('the stream breaks')
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  })
})

beforeEach(() => {
  begun = 0
  clock = new FakeClock()
  stop = new AbortController()
  const registry = createClient(PeerRegistryService, transport)
  const logger = createLogger('test', { level: 'silent' })
  feed = createPeerFeed({ registry, reader: 'test', clock, logger, metrics: createMetrics('test') })
})
afterEach(async () => {
  stop.abort()
  await following
})
function follow(...said: readonly (readonly Update[])[]): void {
  lives = said
  following = feed.follow(stop.signal)
}

const [a, b] = [randomUUID(), randomUUID()]
const anew: Update = { case: 'begun', value: { replaces: true } }
const goesOn: Update = { case: 'begun', value: { replaces: false } }
const complete: Update = { case: 'position', value: { epoch: 1n, mark: new Uint8Array(16) } }
const route = (peerId: string, said: MessageInitShape<typeof PeerRouteSchema> = {}): Update => ({
  case: 'peer',
  value: { peerId, state: PeerState.ENROLLED, kind: PeerKind.PLATFORM, ...said },
})

test('peers are known as peer-registry names them, with the timers that were agreed', async () => {
  const timers = { heartbeatInterval: durationFromMs(500), staleAfter: durationFromMs(2_500) }
  const ends = [{ certificate: 'root ab', notBefore: new Date(0), notAfter: new Date(1_000) }]
  const certificateEnds = ends.map(({ certificate, notBefore, notAfter }) => ({
    certificate,
    notBefore: timestampFromDate(notBefore),
    notAfter: timestampFromDate(notAfter),
  }))
  follow([
    anew,
    route(a, { timers, trustBundleSequence: 4n }),
    route(b),
    route('c', { kind: PeerKind.SDWAN_ONLY }),
    complete,
    route(b, { state: PeerState.ACTIVE, certificateEnds }),
  ])
  await expect.poll(() => feed.peers.get(b)?.state).toBe('active')
  expect(feed.isComplete()).toBe(true)
  expect([...feed.peers.values()]).toEqual([
    {
      peerId: a,
      state: 'enrolled',
      trustBundleSequence: 4n,
      heartbeatIntervalMs: 500,
      staleAfterMs: 2_500,
      versionStatus: '',
      certificates: [],
    },
    {
      peerId: b,
      state: 'active',
      trustBundleSequence: 0n,
      heartbeatIntervalMs: 60_000,
      staleAfterMs: 300_000,
      versionStatus: '',
      certificates: ends,
    },
  ])
})

test('when the stream breaks the last word stands, and the next snapshot says who is gone', async () => {
  follow([anew, route(a), route(b), complete], [anew, route(b)], [anew, route(b), complete])
  await expect.poll(() => [...feed.peers.keys()]).toEqual([a, b])
  await comesBack(2)
  expect([...feed.peers.keys()], 'half a snapshot says nothing of who is missing').toEqual([a, b])
  await comesBack(3)
  await expect.poll(() => [...feed.peers.keys()]).toEqual([b])
})

/** Lets the time pass that is waited between two lives of a stream. */
async function comesBack(times: number): Promise<void> {
  const lives = async () => {
    await clock.advance(20)
    return begun
  }
  await expect.poll(lives).toBe(times)
}

test('a peer that is removed is gone at once, and who listens is told what changed', async () => {
  const heard: Change[] = []
  feed.subscribe((change) => heard.push(change), stop.signal)
  follow([anew, route(a), route(b), complete, { case: 'removedPeerId', value: a }, complete])
  await expect.poll(() => heard).toEqual([{ peerId: a }, { peerId: b }, 'all', { peerId: a }])
  expect([...feed.peers.keys()]).toEqual([b])
})

test('a stream that goes on where it broke says of nobody else that he is gone', async () => {
  follow([anew, route(a), route(b), complete], [goesOn, route(b, { state: PeerState.ACTIVE }), complete])
  await comesBack(2)
  await expect.poll(() => feed.peers.get(b)?.state).toBe('active')
  expect([...feed.peers.keys()]).toEqual([a, b])
})
