import { create, clone } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createClient, createRouterTransport } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import type { FakeClock } from '@powernode/clock/testing'
import { ToldFeed } from '@powernode/feed/testing'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService, type HeartbeatRequest } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerKind, PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { RecordHeartbeatsRequestSchema as RecordRequest } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import {
  LocalPlatformSchema as LocalSchema,
  PeerRouteSchema as RouteSchema,
  type WatchPeersResponse,
} from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal, toConnectError } from '@powernode/rpc'
import { expect } from 'vitest'
import { createPeerFeed } from '../feed/peer-feed.ts'
import { headOf, noHeads } from '../heads/ledger-heads.ts'
import { beatMetrics } from '../metrics/beat-metrics.ts'
import { announced, listens, livenessDatabase } from '../operations/testing.ts'
import { Tally } from '../level/tally.ts'
import { createRecorder } from '../recorder/recorder.ts'
import { recordHeartbeats } from '../rpc/record-heartbeats.ts'
import type { Tables } from '../store/tables.ts'
import { sweepSilent } from '../sweeps.ts'
import { leadBeats } from './lead-beats.ts'

type State = keyof typeof PeerState
type Update = WatchPeersResponse['update']
type HeartOptions = {
  readonly name: string
  /** Its id of the other. */
  readonly peerId: string
  readonly clock: FakeClock
  /** Where its beats go. */
  readonly road: Road
  /** Of a heart that was stopped; a new one when absent. */
  readonly database?: TestDatabase<Tables>
}
export type Heart = Awaited<ReturnType<typeof startHeart>>

/** Where the beats of a heart go, and what may happen to them on the way. */
export type Road = {
  far: () => Heart | undefined
  /** Beats are refused before they leave. */
  cut: boolean
  /** Beats arrive, answers do not. */
  losesAnswers: boolean
  /** Beats on their way. */
  underway: number
}

export const openRoad = (far: () => Heart | undefined): Road => ({ far, cut: false, losesAnswers: false, underway: 0 })

/**
 * One platform's liveness as it runs in production, with its database: only peer-registry and the gateway are told by hand.
 *
 * The registry of the test moves a peer when it is told to, by `heedNews`, as the real one does.
 */
export async function startHeart({ name, peerId, clock, road, ...kept }: HeartOptions) {
  const database = kept.database ?? (await livenessDatabase())
  const { db, url } = database
  await listens(db, clock.now())
  const stop = new AbortController()
  const registry = handRegistry(peerId, name)
  const logger = createLogger(name, { level: 'silent' })
  const metrics = beatMetrics(createMetrics(name))
  // A lease is real time, whatever the clock of the story says.
  const feed = createPeerFeed({
    registry: createClient(PeerRegistryService, registry.transport),
    reader: 'test',
    clock: systemClock,
    logger,
    metrics: createMetrics('test'),
  })
  const recorder = createRecorder({ db, clock, tally: new Tally() })
  const heard: HeartbeatRequest[] = []
  const heads: string[] = []
  const gateway = createClient(FederationService, gatewayOver(road))
  const deps = { db, clock, feed, recorder, gateway, heads: toldHeads(name, heads), metrics, logger }
  const listener = testListener({ url, schema: 'liveness', applicationName: name, clock })
  const running = Promise.all([
    feed.follow(stop.signal),
    leadBeats({ ...deps, listener }, stop.signal),
    sweepSilent(deps, { everyMs: 1_000 }, stop.signal),
  ])
  let heeded = 0
  return {
    name,
    database,
    deps,
    registry,
    /** Heads of logs that were told, in order. */
    heads,
    /** Beats heard, in order. */
    heard,
    news: async () => (await announced(db)).map(({ word }) => word),
    /** Moves the peer as news asks for it; returns the state it is in then. */
    async heedNews(): Promise<State> {
      const all = await announced(db)
      for (const { word } of all.slice(heeded)) {
        if (word === 'heard') registry.move('ACTIVE')
        if (word === 'silent') registry.move('DEGRADED')
      }
      heeded = all.length
      return registry.state()
    },
    async receive(heartbeat: HeartbeatRequest) {
      if (registry.state() === 'ACCEPTED') throw new Refusal('PEER_NOT_ENROLLED', 'not yet')
      heard.push(heartbeat)
      const receivedAt = timestampFromDate(clock.now())
      const { heartbeats } = await recordHeartbeats(
        deps,
        create(RecordRequest, { heartbeats: [{ number: 1n, peerId, heartbeat, receivedAt }] }),
      )
      return heartbeats[0]!.response!
    },
    async stop() {
      stop.abort()
      await running
      await recorder.idle()
    },
  }
}

/** Says where its own logs end, and keeps what it is told. */
const toldHeads = (name: string, told: string[]) => ({
  ...noHeads,
  ofPeer: () => headOf(`the log of ${name}`),
  told: (_peerId: string, head: { checkpoint: string } | undefined) => void told.push(head?.checkpoint ?? ''),
})

function gatewayOver(road: Road) {
  return createRouterTransport(({ service }) => {
    service(FederationService, {
      async heartbeat(beat) {
        road.underway += 1
        try {
          const far = road.far()
          if (road.cut || !far) throw new Refusal('PEER_UNREACHABLE', 'the road is cut')
          const answer = await far.receive(beat)
          if (road.losesAnswers) throw new Refusal('PEER_UNREACHABLE', 'the answer is lost')
          return answer
        } catch (error) {
          throw toConnectError(error)
        } finally {
          road.underway -= 1
        }
      },
    })
  })
}

/** Says what peer-registry would say, word for word as the stream has it. */
function handRegistry(peerId: string, name: string) {
  const route = create(RouteSchema, {
    peerId,
    state: PeerState.ACCEPTED,
    kind: PeerKind.PLATFORM,
    trustBundleSequence: 1n,
    timers: { heartbeatInterval: durationFromMs(60_000), staleAfter: durationFromMs(300_000) },
  })
  const local = create(LocalSchema, {
    platform: create(PlatformDescriptionSchema, { name, trustDomain: `${name}.example` }),
    trustBundleSequence: 1n,
  })
  const ourselves = (): Update => ({ case: 'platform', value: clone(LocalSchema, local) })
  const thePeer = (): Update => ({ case: 'peer', value: clone(RouteSchema, route) })
  const told = new ToldFeed<Update>(() => [ourselves(), thePeer()])
  const sayLocal = () => told.tell(ourselves())
  const sayPeer = () => told.tell(thePeer())

  return {
    transport: createRouterTransport(({ service }) => {
      service(PeerRegistryService, { watchPeers: (requests, { signal }) => told.follow(requests, signal) })
    }),
    state: () => Object.keys(PeerState).find((key) => PeerState[key as State] === route.state) as State,
    move(state: State) {
      route.state = PeerState[state]
      sayPeer()
    },
    rename(to: string) {
      local.platform!.name = to
      sayLocal()
    },
    rotate(sequence: bigint) {
      local.trustBundleSequence = sequence
      sayLocal()
    },
  }
}

/** Lets time pass, in steps and only while no beat is on its way, until `holds`. */
export async function until(
  { clock, roads, hearts }: World,
  holds: () => Promise<boolean> | boolean,
  withinMs: number,
): Promise<void> {
  const deadline = clock.now().getTime() + withinMs
  await expect
    .poll(
      async () => {
        if (await holds()) return true
        if (clock.now().getTime() >= deadline) return `not within ${withinMs} ms`
        if (roads.some(({ underway }) => underway > 0) || (await anyIsBeating(hearts))) return false
        await clock.advance(withinMs / STEPS)
        return false
      },
      { interval: 5 },
    )
    .toBe(true)
}

export type World = { readonly clock: FakeClock; readonly roads: readonly Road[]; readonly hearts: readonly Heart[] }

async function anyIsBeating(hearts: readonly Heart[]): Promise<boolean> {
  const gauges = await Promise.all(hearts.map(({ deps }) => deps.metrics.inFlight.get()))
  return gauges.some(({ values }) => (values[0]?.value ?? 0) > 0)
}

/** Many small ones: what a step sets off takes real time, and the fake deadline must not run away from it. */
const STEPS = 150
