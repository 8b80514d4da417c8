import { randomBytes, randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampNow } from '@bufbuild/protobuf/wkt'
import { createClient, type Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import { HeartbeatRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import {
  HeardHeartbeatSchema,
  LivenessService,
  type HeardHeartbeat,
} from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { sql } from 'kysely'
import type { Tables } from '../../services/liveness/src/store/tables.ts'
import { measureLevels } from './levels.ts'
import { measureSweep } from './sweep.ts'
import { makeIdentities, roadTo } from './own-server.ts'
import { startThread } from './thread.ts'
import { withPostgres } from './own-postgres.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const PEERS = 20_000
const BEATS_A_RUN = 40_000
const RUNS = 5
/** As the gateway fills a message when it has more waiting than it can send. */
const MESSAGE = 512
const MESSAGES_UNDERWAY = 6
/** A platform of 120,000 peers at 60 s, kept up for so long, */
const SUSTAINED_PER_S = 2_000
/** and one of 10,000, each of which beats us and is beaten: that MUST stay under half a core, and 100 ms. */
const TEN_THOUSAND_PER_S = (2 * 10_000) / 60
const SUSTAINED_S = 10

/** Beats a second through the real stream, mTLS and batcher into Postgres, beside the same rows by bare upserts. */
export async function run(): Promise<Report> {
  return withPostgres(async () => {
    const database = await livenessDatabase()
    const liveness = await startLiveness(database)
    try {
      await fill(database, liveness.peerIds)
      await ours(liveness, BEATS_A_RUN / 4) // everything is compiled and connected after this
      await limit(database, liveness.peerIds, BEATS_A_RUN / 4)
      const [rates, limits]: [number[], number[]] = [[], []]
      for (let at = 1; at <= RUNS; at++) {
        rates.push(await ours(liveness, BEATS_A_RUN))
        limits.push(await limit(database, liveness.peerIds, BEATS_A_RUN))
        say(`run ${at}: ours ${rates.at(-1)!.toFixed(0)} beats/s, bare upsert ${limits.at(-1)!.toFixed(0)} rows/s`)
      }
      const sustained = await sustain(liveness, SUSTAINED_PER_S)
      say(`at ${SUSTAINED_PER_S} beats/s for ${SUSTAINED_S} s: p50 ${sustained.p50_ms} ms, p99 ${sustained.p99_ms} ms`)
      const tenThousand = await sustain(liveness, TEN_THOUSAND_PER_S)
      say(`as 10,000 peers at 60 s: p99 ${tenThousand.p99_ms} ms, ${tenThousand.cores} cores`)
      await liveness.stop()
      const sweep = await measureSweep()
      const levels = await measureLevels()
      return {
        bench: 'heartbeat',
        unit: 'beats/s',
        ours: rounded(median(rates), 0),
        limit: rounded(median(limits), 0),
        ratio: rounded(median(rates) / median(limits), 3),
        p50_ms: sustained.p50_ms,
        p99_ms: sustained.p99_ms,
        runs: rates.map((rate) => rounded(rate, 0)),
        sustained,
        ten_thousand_peers: tenThousand,
        sweep,
        levels,
      }
    } finally {
      await liveness.stop()
      await database.drop()
    }
  })
}

const livenessDatabase = () =>
  testDatabase<Tables>({ schema: 'liveness', dir: new URL('../../services/liveness/migrations', import.meta.url) })

type Liveness = Awaited<ReturnType<typeof startLiveness>>

/** liveness's door in a thread of its own, and the gateway's end of the road to it here. */
async function startLiveness({ url }: TestDatabase<Tables>) {
  const peerIds = [...Array(PEERS)].map(() => randomUUID())
  const { dirs, remove } = await makeIdentities('liveness', { kind: 'service', name: 'federation-gateway' })
  const server = await startThread('liveness-door.ts', { url, peerIds, tlsDir: dirs.server })
  const hangUp = new AbortController()
  const client = createClient(LivenessService, roadTo('liveness', server.port, dirs.caller, hangUp.signal))
  let stopped = false
  return {
    peerIds,
    client,
    incarnation: randomBytes(16),
    sequence: 0n,
    async stop() {
      if (stopped) return
      stopped = true
      hangUp.abort()
      await server.stop()
      remove()
    },
  }
}

/** Every peer is heard both ways, so that each beat moves a deadline, as in a platform that is well. */
async function fill({ db }: TestDatabase<Tables>, peerIds: readonly string[]): Promise<void> {
  const now = systemClock.now()
  await sql`
    insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, announced, announced_at, silent_at)
    select id, 300000, ${now}, ${now}, 'heard', ${now}, ${now}::timestamptz + interval '5 minutes'
    from unnest(${peerIds}::uuid[]) as p (id)`.execute(db)
  await sql`analyze freshness`.execute(db).catch(() => {}) // the service's role may not; autovacuum will
}

function nextBeat(liveness: Liveness, index: number): HeardHeartbeat {
  const { peerIds, incarnation } = liveness
  if (index % peerIds.length === 0) liveness.sequence += 1n
  const sentAt = timestampNow()
  return create(HeardHeartbeatSchema, {
    number: BigInt(index),
    peerId: peerIds[index % peerIds.length]!,
    receivedAt: sentAt,
    heartbeat: create(HeartbeatRequestSchema, {
      nonce: randomBytes(16),
      echoNonce: randomBytes(16),
      sentAt,
      epoch: 1n,
      incarnation,
      sequence: liveness.sequence,
      platformSha256: incarnation,
      trustBundleSequence: 1n,
      ledgerHead: { checkpoint: `a.example/peers/${index}\n${index}\n${'A'.repeat(43)}=\n\n— a ${'A'.repeat(96)}\n` },
    }),
  })
}

/** As fast as it goes, with a bounded number of messages under way: beats a second. */
async function ours(liveness: Liveness, beats: number): Promise<number> {
  let free = MESSAGES_UNDERWAY
  let wake = () => {}
  async function* messages() {
    for (let index = 0; index < beats; index += MESSAGE) {
      while (free === 0) await new Promise<void>((resolve) => (wake = resolve))
      free -= 1
      yield { heartbeats: [...Array(MESSAGE)].map((_, at) => nextBeat(liveness, index + at)) }
    }
  }
  let answered = 0
  const startedAt = performance.now()
  for await (const { heartbeats } of liveness.client.recordHeartbeats(messages())) {
    answered += heartbeats.length
    free += 1
    wake()
  }
  return answered / ((performance.now() - startedAt) / 1_000)
}

/** The same rows by one multi-row upsert a transaction, from one connection: rows a second. */
async function limit({ db }: TestDatabase<Tables>, peerIds: readonly string[], beats: number): Promise<number> {
  const incarnation = randomBytes(16)
  const startedAt = performance.now()
  for (let index = 0; index < beats; index += MESSAGE) {
    const now = new Date().toISOString()
    const ids = [...Array(MESSAGE)].map((_, at) => peerIds[(index + at) % peerIds.length]!)
    const all = <T>(value: T) => ids.map(() => value)
    await sql`
      insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, epoch, remembered_epoch,
        incarnation, sequence, last_nonce, trust_bundle_sequence, announced, announced_at, silent_at)
      select * from unnest(${ids}::uuid[], ${all(300_000)}::int[], ${all(now)}::timestamptz[], ${all(now)}::timestamptz[],
        ${all(1)}::bigint[], ${all(1)}::bigint[], ${all(incarnation)}::bytea[], ${all(index)}::bigint[],
        ${ids.map(() => randomBytes(16))}::bytea[], ${all(1)}::bigint[],
        ${all('heard')}::text[], ${all(now)}::timestamptz[], ${all(now)}::timestamptz[])
      on conflict (peer_id) do update set
        last_heard_at = excluded.last_heard_at, epoch = excluded.epoch, remembered_epoch = excluded.remembered_epoch,
        incarnation = excluded.incarnation, sequence = 0, last_nonce = excluded.last_nonce,
        trust_bundle_sequence = excluded.trust_bundle_sequence,
        silent_at = excluded.silent_at + interval '5 minutes'`.execute(db)
  }
  return beats / ((performance.now() - startedAt) / 1_000)
}

/** A steady stream: how long a beat waits for its answer, and what it costs. */
async function sustain({ client, ...liveness }: Liveness & { client: Client<typeof LivenessService> }, perS: number) {
  const sentAt = new Map<bigint, number>()
  const waits: number[] = []
  const total = Math.floor(perS * SUSTAINED_S)
  const startedAt = performance.now()
  const source = { ...liveness, client }
  async function* messages() {
    for (let index = 0; index < total;) {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perS))
      const heartbeats = [...Array(Math.max(0, due - index))].map((_, at) => nextBeat(source, index + at))
      for (const { number } of heartbeats) sentAt.set(number, performance.now())
      index += heartbeats.length
      if (heartbeats.length > 0) yield { heartbeats }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const cpu = process.cpuUsage()
  for await (const { heartbeats } of client.recordHeartbeats(messages())) {
    for (const { number } of heartbeats) waits.push(performance.now() - (sentAt.get(number) ?? 0))
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return {
    per_s: rounded(waits.length / seconds, 0),
    seconds: rounded(seconds, 1),
    p50_ms: rounded(quantile(waits, 0.5)),
    p99_ms: rounded(quantile(waits, 0.99)),
    // Of the whole process, sender and server together.
    cpu_us_per_beat: rounded((user + system) / waits.length, 0),
    cores: rounded((user + system) / 1e6 / seconds, 2),
  }
}
