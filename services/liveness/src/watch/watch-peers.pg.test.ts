import { randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction, withClient } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { ProbePeerResponseSchema } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PeerFeed } from '../feed/peer-feed.ts'
import { watchMetrics } from '../metrics/watch-metrics.ts'
import { livenessDatabase, START } from '../operations/testing.ts'
import * as listening from '../store/listening.ts'
import * as remediations from '../store/remediations.ts'
import type { Tables } from '../store/tables.ts'
import { watchPeers } from './watch-peers.ts'

const TICK_MS = 10_000
const STALE_MS = 20_000
const LONG = { timeout: 60_000 }

let database: TestDatabase<Tables>
let clock: FakeClock
let stop: AbortController
let watching: Promise<void>
/** The one peer there is, and whoever waits for an answer of it. */
let peerId: string
let probes: ((reachable: boolean) => void)[]
let metrics: ReturnType<typeof watchMetrics>

beforeEach(async () => {
  database = await livenessDatabase()
  clock = new FakeClock(START)
  stop = new AbortController()
  peerId = randomUUID()
  probes = []
  metrics = watchMetrics(createMetrics('test'))
  await heard()
  await keepEar()
  watching = watchPeers(deps(), stop.signal)
  await ticked(1)
})
afterEach(async () => {
  stop.abort()
  await watching
  await database.drop()
})

function deps() {
  const peer = { peerId, state: 'active', staleAfterMs: STALE_MS, heartbeatIntervalMs: 5_000, trustBundleSequence: 0n, versionStatus: '', certificates: [] } as const // prettier-ignore
  const local = { description: { platformId: 'a'.repeat(32) } } as unknown as ReturnType<PeerFeed['local']> // all that is read
  const feed: PeerFeed = {
    peers: new Map([[peerId, peer]]),
    local: () => local,
    isComplete: () => true,
    subscribe: () => undefined,
    follow: () => Promise.resolve(),
  }
  const probePeer = (_: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise<ReturnType<typeof answer>>((resolve, reject) => {
      probes.push((reachable) => resolve(answer(reachable)))
      signal?.addEventListener('abort', () => reject(new Error('nobody waits any more')), { once: true })
    })
  const approvals = { requestApproval: () => Promise.reject(new Error('nobody is asked')) }
  const directory = { policyOf: () => ({ verb: 'notify_and_proceed' }), autonomy: { halted: false } }
  const logger = createLogger('test', { level: 'silent' })
  return { db: database.db, clock, logger, feed, roads: { probePeer }, directory, approvals, metrics, tickMs: TICK_MS } as unknown as Parameters<typeof watchPeers>[0] // prettier-ignore
}
const answer = (reachable: boolean) =>
  create(ProbePeerResponseSchema, { endpoints: [{ url: 'https://b.example', reachable, detail: '' }] })

const keepEar = () => inTransaction(database.db, (tx) => listening.keepEar(tx, clock.now()))
const standing = () => inTransaction(database.db, (tx) => listening.find(tx))
const diary = () =>
  inTransaction(database.db, (tx) => remediations.page(tx, { peerId: '', beforeId: undefined, limit: 100 }))
const count = async (outcome: string): Promise<number> =>
  (await metrics.ticks.get()).values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0
async function ticked(least: number): Promise<void> {
  await expect.poll(() => count('ok'), LONG).toBeGreaterThanOrEqual(least)
}

/** Beats went both ways just now. */
async function heard(): Promise<void> {
  const now = clock.now()
  await sql`
    insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, announced, announced_at, silent_at)
    values (${peerId}, ${STALE_MS}, ${now}, ${now}, 'heard', ${now}, ${new Date(now.getTime() + STALE_MS)})
    on conflict (peer_id) do update set
      last_heard_at = ${now}, last_heard_by_them_at = ${now}, announced = 'heard', silent_at = ${new Date(now.getTime() + STALE_MS)}`.execute(database.db) // prettier-ignore
}

/** Time passes until the next tick is over: both the loop and the proof that it leads wait for that. */
async function tick(): Promise<void> {
  await afterTick(() => clock.advance(TICK_MS))
}

/** Time passes, and the ear is kept at its end. */
async function afterTick(passes: () => Promise<void>, ms = TICK_MS): Promise<void> {
  await clock.sleeping(2)
  const before = (await count('ok')) + (await count('fault'))
  await inTransaction(database.db, (tx) => listening.keepEar(tx, new Date(clock.now().getTime() + ms)))
  await passes()
  await expect.poll(async () => (await count('ok')) + (await count('fault')), LONG).toBeGreaterThan(before)
}

/** The peer has fallen silent, and is being probed. */
async function probed(): Promise<void> {
  await sql`update freshness set announced = 'silent', silent_at = null`.execute(database.db)
  for (let most = 0; probes.length === 0 && most < 10; most += 1) await tick()
  expect(probes).toHaveLength(1)
}

const asOwner = (text: string) => withClient(database.ownerUrl, (client) => client.query(text))

test('a stall is named, and nobody is silent for it', async () => {
  await tick()
  await afterTick(() => clock.stall(6 * 60_000), 6 * 60_000)
  expect(await standing()).toMatchObject({ reason: 'stalled for 6 min' })
  await tick()
  expect(probes).toEqual([])
  expect(await count('fault')).toBe(0)
})

test('a tick that fails is counted and is no tick; the next one goes on where the one before stood', async () => {
  const before = await standing()
  await asOwner('alter table liveness.remediation_loop rename to gone')
  await tick()
  expect(await count('fault')).toBe(1)
  expect((await standing())?.tickedAt).toEqual(before?.tickedAt)
  await asOwner('alter table liveness.gone rename to remediation_loop')
  await tick()
  expect(await standing()).toEqual({ ...before, tickedAt: clock.now() })
})

test('whoever is told to stop in the middle of a probe decides nothing more', async () => {
  await probed()
  stop.abort()
  await watching
  expect(await diary()).toEqual([])
})

test('a leader that is lost decides nothing more; the next one probes anew, and one decision is made', async () => {
  await probed()
  const [theirs] = probes
  await sql`
    select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())`.execute(database.db)
  const before = await count('ok')
  await expect
    .poll(async () => {
      await clock.advance(500) // the proof fails, and somebody asks to lead
      await keepEar()
      return count('ok')
    }, LONG)
    .toBeGreaterThan(before)
  theirs!(false)
  expect(await diary(), 'what comes back to the first').toEqual([])
  await expect
    .poll(async () => {
      await clock.advance(1_000)
      await keepEar()
      return probes.length
    }, LONG)
    .toBeGreaterThan(1)
  for (const reply of probes) reply(false)
  await expect.poll(diary, LONG).toMatchObject([{ action: 'degraded', peerId }])
})
