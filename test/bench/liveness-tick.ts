import { systemClock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import { testDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import type { KnownPeer } from '../../services/liveness/src/operations/observe-peers.ts'
import { silencePeers } from '../../services/liveness/src/operations/silence-peers.ts'
import { tick, type Ticked } from '../../services/liveness/src/operations/tick.ts'
import * as listening from '../../services/liveness/src/store/listening.ts'
import type { Tables } from '../../services/liveness/src/store/tables.ts'
import { governanceFigures } from './governance.ts'
import { withPostgres } from './own-postgres.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const PEERS = 100_000
const LIMIT_MS = 500
const TICK_MS = 10_000
const STALE_MS = 300_000
const RUNS = 7

/**
 * `npm run bench -- liveness-tick`: one look at 100,000 peers, in the transaction that production runs.
 *
 * Three times: all is well; a few fall silent, as on any day; and seven of ten fall silent at once, when the breaker holds.
 */
export async function run(): Promise<Report> {
  const ticks = await withPostgres(measureTicks)
  const { worst, quiet } = ticks
  const report = {
    unit: 'ms',
    ours: median(worst),
    limit: LIMIT_MS,
    ratio: rounded(median(worst) / LIMIT_MS),
    runs: worst,
  }
  const quantiles = { p50_ms: quantile(quiet, 0.5), p99_ms: quantile(quiet, 0.99) }
  return { bench: 'liveness-tick', ...report, ...quantiles, ...ticks.figures, ...(await governanceFigures()) }
}

type Ticks = {
  readonly figures: Readonly<Record<string, number>>
  readonly quiet: readonly number[]
  /** With seven of ten silent. */
  readonly worst: readonly number[]
}

async function measureTicks(): Promise<Ticks> {
  const { db, ownerUrl, drop } = await testDatabase<Tables>({
    schema: 'liveness',
    dir: new URL('../../services/liveness/migrations', import.meta.url),
  })
  try {
    say(`filling in ${PEERS} peers`)
    const peers = await fill(db)
    const { Client } = (await import('pg')).default
    const owner = new Client({ connectionString: ownerUrl })
    await owner.connect()
    await owner.query('vacuum analyze freshness')
    await owner.end()
    const figures: Record<string, number> = { peers: PEERS }
    const runs: number[][] = []
    for (const [name, share] of [
      ['all_well', 0],
      ['few_silent', 0.001],
      ['most_silent', 0.7],
    ] as const) {
      const silent = await fallSilent(db, share)
      const times: number[] = []
      for (let at = 0; at < RUNS; at++) times.push(await timed(db, peers))
      runs.push(times.map((ms) => rounded(ms, 1)))
      figures[`tick_ms_${name}`] = rounded(median(times), 1)
      figures[`tick_ms_${name}_worst`] = rounded(Math.max(...times), 1)
      say(
        `a tick over ${PEERS} peers, ${silent} silent: ${median(times).toFixed(1)} ms (at worst ${Math.max(...times).toFixed(1)})`,
      )
    }
    return { figures, quiet: runs[0] ?? [], worst: runs[2] ?? [] }
  } finally {
    await drop()
  }
}

async function fill(db: Db<Tables>): Promise<ReadonlyMap<string, KnownPeer>> {
  const now = systemClock.now()
  const { rows } = await sql<{ peer_id: string }>`
    insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, announced, announced_at, silent_at,
      clock_offset_ms, incarnation, sent_nonces)
    select gen_random_uuid(), ${STALE_MS}::integer, ${now}, ${now}, 'heard', ${now}, ${now}::timestamptz + interval '1 hour',
      random() * 10, decode(md5(random()::text), 'hex'), decode(repeat(md5(random()::text), 6), 'hex')
    from generate_series(1, ${PEERS}::integer)
    returning peer_id`.execute(db)
  const since = new Date(now.getTime() - 86_400_000)
  await inTransaction(db, (tx) => listening.save(tx, { since, reason: 'started', tickedAt: now }, TICK_MS))
  return new Map(
    rows.map(({ peer_id: peerId }) => [peerId, { peerId, state: 'active', staleAfterMs: STALE_MS, certificates: [] }]),
  )
}

async function fallSilent(db: Db<Tables>, share: number): Promise<number> {
  const many = Math.floor(PEERS * share)
  const now = systemClock.now()
  const long = new Date(now.getTime() - STALE_MS)
  await sql`
    update freshness set silent_at = ${now}, last_heard_at = ${long}, last_heard_by_them_at = ${long}
    where peer_id in (select peer_id from freshness where announced = 'heard' limit ${many})`.execute(db)
  let silent = 0
  for (let count = 1; count > 0; silent += count) {
    await inTransaction(db, (tx) => keep(tx))
    count = await inTransaction(db, (tx) => silencePeers(tx, systemClock.now(), { limit: 1_000 }))
  }
  return silent
}

/** Somebody listens all the time, also while the bench prepares. */
async function keep(tx: Parameters<typeof tick>[0]): Promise<void> {
  const now = systemClock.now()
  const before = await listening.find(tx)
  if (before) await listening.save(tx, { ...before, tickedAt: now }, TICK_MS)
  await listening.keepEar(tx, now)
}

async function timed(db: Db<Tables>, peers: ReadonlyMap<string, KnownPeer>): Promise<number> {
  await inTransaction(db, keep)
  const expected = { since: new Map(), overdue: [], endingWithin: () => ({ expiring: [], expired: [] }), changed: [] }
  const policy = { verb: 'notify_and_proceed', halted: false } as const
  const said = {
    tickMs: TICK_MS,
    last: undefined,
    platformId: 'a'.repeat(32),
    peers,
    expected,
    busy: new Set<string>(),
    policy,
  }
  const startedAt = performance.now()
  const ticked: Ticked = await inTransaction(db, (tx) => tick(tx, systemClock.now(), said))
  const ms = performance.now() - startedAt
  say(
    `  ${ms.toFixed(1)} ms: ${ticked.opened} signals opened, ${ticked.probes.length} to probe, late ${ticked.status.late}`,
  )
  return ms
}
