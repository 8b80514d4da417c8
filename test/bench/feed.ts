import { systemClock } from '@powernode/clock'
import { epochOf, Feed, Follower } from '@powernode/feed'
import { testListener } from '@powernode/postgres/testing'
import { createMetrics } from '@powernode/process'
import { type WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient, mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import pg from 'pg'
import { peerSource, PEERS, type PeerUpdate } from '../../services/peer-registry/src/feed/peer-source.ts'
import { PEER_CALLERS } from '../../services/peer-registry/src/rpc/callers.ts'
import type { Tables } from '../../services/peer-registry/src/store/tables.ts'
import { SCHEMA, startPlatform, type TestPlatform } from '../../services/peer-registry/test/platform.ts'
import { LOGGER, makeIdentities, roadTo, startServer, TRUST_DOMAIN } from './own-server.ts'
import { withPostgres } from './own-postgres.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const PEER_COUNT = 10_000
const READERS = 4
const RUNS = 5
const CHANGES_A_RUN = 100

/**
 * A change of one peer among 10,000 until four readers have it, and until the barrier says that nobody can act on what
 * was before; beside a bare NOTIFY there and back between two connections of the same Postgres.
 *
 * As in production: two replicas, the readers at one and whoever revokes at the other, over mTLS, the disk written
 * through. All of it shares one event loop, which makes it slower than it is.
 */
export async function run(): Promise<Report> {
  return withPostgres(async () => {
    const platform = await startPlatform(TRUST_DOMAIN)
    await fill(platform)
    const replicas = await startReplicas(platform)
    const loadedMs = replicas.readers.map(({ loadedMs: ms }) => ms)
    const bare = await startBare(platform.url)
    try {
      await ours(platform, replicas, CHANGES_A_RUN / 4) // everything is compiled and connected after this
      await bare.rounds(CHANGES_A_RUN / 4)
      const [told, enforced, limits]: [number[], number[], number[]] = [[], [], []]
      const runs: number[] = []
      for (let at = 1; at <= RUNS; at++) {
        const took = await ours(platform, replicas, CHANGES_A_RUN)
        told.push(...took.told)
        enforced.push(...took.enforced)
        runs.push(rounded(median(took.enforced)))
        limits.push(...(await bare.rounds(CHANGES_A_RUN)))
        say(`run ${at}: told p50 ${rounded(median(took.told))} ms, enforced p50 ${runs.at(-1)} ms`)
      }
      return {
        bench: 'feed',
        unit: 'ms from the commit until enforced',
        ours: rounded(median(enforced)),
        limit: rounded(median(limits)),
        ratio: rounded(median(limits) / median(enforced), 3),
        p50_ms: rounded(quantile(enforced, 0.5)),
        p99_ms: rounded(quantile(enforced, 0.99)),
        runs,
        told: { p50_ms: rounded(quantile(told, 0.5)), p99_ms: rounded(quantile(told, 0.99)) },
        notify: { p50_ms: rounded(quantile(limits, 0.5)), p99_ms: rounded(quantile(limits, 0.99)) },
        by_lease: replicas.byLease(),
        readers: READERS,
        loaded: { rows: PEER_COUNT, slowest_ms: rounded(Math.max(...loadedMs), 0) },
      }
    } finally {
      await bare.stop()
      await replicas.stop()
      await platform.drop()
    }
  })
}

/** Peers we are about to redeem: told of, each with a row of its own. */
async function fill({ act }: TestPlatform): Promise<void> {
  const now = systemClock.now()
  await act(async (tx) => {
    await sql`
      insert into peer (id, name, state, reason, since, kind, spawn_mode, spawn_role, we_redeem, url, timers, disclosure,
        created_at, updated_at)
      select gen_random_uuid(), 'p' || n, 'proposed', '', ${now}, 'platform', 'out_of_band', 'symmetric', true,
        'https://p' || n || '.example', '{"heartbeatIntervalMs": 60000, "staleAfterMs": 300000, "staleAfterMostMs": 3600000}', '{}', ${now}, ${now}
      from generate_series(1, ${PEER_COUNT}) n`.execute(tx)
  })
}

type Replicas = Awaited<ReturnType<typeof startReplicas>>
/** How long each reader of this table took to hold it, and who waits to be told the next change. */
type BenchReader = { readonly loadedMs: number; heard: (name: string) => void }

async function startReplicas({ db, url, us }: TestPlatform) {
  const stopping = new AbortController()
  const open = () =>
    new Feed<Tables, PeerUpdate>({
      db,
      listener: testListener({ url, schema: SCHEMA }),
      schema: SCHEMA,
      clock: systemClock,
      logger: LOGGER,
      metrics: createMetrics('bench'),
      feed: PEERS,
      source: peerSource({ us, logger: LOGGER }),
    })
  const [read, write] = [open(), open()]
  const running = [read.run(stopping.signal), write.run(stopping.signal)]
  const { dirs, remove } = await makeIdentities('peer-registry', { kind: 'service', name: 'federation-gateway' })
  const impl = partly(PeerRegistryService, {
    watchPeers: (requests, { signal }) => read.follow(requests, signal),
  })
  const server = await startServer('peer-registry', dirs.server, [mount(PeerRegistryService, impl, PEER_CALLERS)])
  const readers: BenchReader[] = []
  for (let at = 0; at < READERS; at++) {
    const client = createClient(PeerRegistryService, roadTo('peer-registry', server.port, dirs.caller, stopping.signal))
    const { reader, following } = await startReader(client, stopping.signal)
    readers.push(reader)
    running.push(following)
  }
  let waitedOut = 0
  return {
    readers,
    write,
    count: (by: string) => void (waitedOut += by === 'lease' ? 1 : 0),
    byLease: () => waitedOut,
    async stop() {
      stopping.abort()
      await Promise.all(running)
      await server.stop()
      remove()
    },
  }
}

/** A reader as a gateway is one, without what a gateway does with it. Resolves when it holds everything. */
async function startReader(
  client: ReturnType<typeof createClient<typeof PeerRegistryService>>,
  signal: AbortSignal,
): Promise<{ reader: BenchReader; following: Promise<void> }> {
  const startedAt = performance.now()
  const whole = Promise.withResolvers<void>()
  const reader = { loadedMs: 0, heard: (_name: string) => {} }
  const follower = new Follower<WatchPeersResponse['update']>({
    feed: PEERS,
    open: (requests, stop) => client.watchPeers(requests, { signal: stop, timeoutMs: 0 }),
    reader: 'bench',
    clock: systemClock,
    logger: LOGGER,
    metrics: createMetrics('bench'),
    begin: () => {},
    apply: (update) => {
      if (update.case === 'peer') reader.heard(update.value.name)
    },
    whole: () => whole.resolve(),
  })
  const following = follower.run(signal)
  await whole.promise
  reader.loadedMs = performance.now() - startedAt
  return { reader, following }
}

let changes = 0

/** One change after another: how long after its commit the last reader had it, and how long until it was enforced. */
async function ours({ act }: TestPlatform, { readers, write, count }: Replicas, times: number) {
  const [told, enforced]: [number[], number[]] = [[], []]
  for (let at = 0; at < times; at++) {
    const name = `changed ${++changes}`
    const heard = Promise.all(
      readers.map(
        (reader) =>
          new Promise<number>((resolve) => {
            reader.heard = (said) => said === name && resolve(performance.now())
          }),
      ),
    )
    const epoch = await act(async (tx) => {
      await sql`update peer set name = ${name} where id = (select id from peer order by id offset ${at} limit 1)`.execute(
        tx,
      )
      return epochOf(tx, PEERS)
    })
    const committedAt = performance.now()
    count((await write.enforced(epoch!)).by)
    enforced.push(performance.now() - committedAt)
    told.push(Math.max(0, ...(await heard)) - committedAt)
  }
  return { told, enforced }
}

/** Two connections that do nothing else: one rings, the other rings back. */
async function startBare(url: string) {
  const [near, far] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })]
  await Promise.all([near.connect(), far.connect()])
  await Promise.all([near.query('listen bench_pong'), far.query('listen bench_ping')])
  far.on('notification', () => void far.query(`select pg_notify('bench_pong', '')`))
  let answered = () => {}
  near.on('notification', () => answered())
  return {
    async rounds(times: number): Promise<number[]> {
      const took: number[] = []
      for (let at = 0; at < times; at++) {
        const pong = new Promise<void>((resolve) => (answered = resolve))
        const rangAt = performance.now()
        await near.query(`select pg_notify('bench_ping', '')`)
        await pong
        took.push(performance.now() - rangAt)
      }
      return took
    },
    async stop() {
      await Promise.all([near.end(), far.end()])
    },
  }
}
