import { randomUUID } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { testDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { sql } from 'kysely'
import type { PeerFeed } from '../../services/liveness/src/feed/peer-feed.ts'
import { HOUR_MS, hoursEnd } from '../../services/liveness/src/figures/window.ts'
import { keepTally } from '../../services/liveness/src/level/keep-tally.ts'
import { levelMetrics } from '../../services/liveness/src/level/level-metrics.ts'
import { Tally } from '../../services/liveness/src/level/tally.ts'
import { Watching } from '../../services/liveness/src/level/watch-peerings.ts'
import { rollUpFigures } from '../../services/liveness/src/operations/keep-figures.ts'
import { aPeer, listens } from '../../services/liveness/src/operations/testing.ts'
import { levelHandlers } from '../../services/liveness/src/rpc/levels.ts'
import type { Tables } from '../../services/liveness/src/store/tables.ts'
import { median, rounded, say } from './report.ts'

const PEERS = 10_000
const RUNS = 5

/** What service levels of so many peers over a month take: on the disk, to look, to write down, to read, to make days of hours. */
export async function measureLevels() {
  const { db, drop } = await testDatabase<Tables>({
    schema: 'liveness',
    dir: new URL('../../services/liveness/migrations', import.meta.url),
  })
  try {
    const now = systemClock.now()
    say(`filling in a month of ${PEERS} peers`)
    const peerIds = [...Array(PEERS)].map(() => randomUUID())
    await sql`
      insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, announced, announced_at, silent_at)
      select id, 300000, ${now}, ${now}, 'heard', ${now}, ${now}::timestamptz + interval '1 hour'
      from unnest(${peerIds}::uuid[]) as k (id)`.execute(db)
    const packed = Buffer.from('110000003a120000000a1500000002', 'hex')
    for (const [span, from, to, step] of [
      ['day', new Date(now.getTime() - 31 * 24 * HOUR_MS), hoursEnd(now), '1 day'],
      ['hour', hoursEnd(now), now, '1 hour'],
    ] as const) {
      await sql`
        insert into service_level (peer_id, span, since, watched_ms, both_ms, heard_ms, heard_by_them_ms, beats_sent,
          beats_answered, beats_heard, round_trips)
        select id, ${span}, date_trunc(${span}, s, 'UTC'), 3600000, 3590000, 3600000, 3590000, 60, 60, 60, ${packed}
        from unnest(${peerIds}::uuid[]) as k (id),
          generate_series(${from}::timestamptz, ${to}::timestamptz - interval '1 second', ${step}::interval) as s`.execute(db) // prettier-ignore
    }
    const { rows } = await sql<{ bytes: number; count: number }>`
      select pg_total_relation_size('service_level')::float8 as bytes, (select count(*)::int from service_level) as count`.execute(db) // prettier-ignore
    await listens(db, now)

    const tally = new Tally()
    const peers = new Map(peerIds.map((peerId) => [peerId, { ...aPeer({ state: 'active' }), peerId }]))
    const logger = createLogger('bench', { level: 'silent' })
    const clock = { ...systemClock }
    const feed = { peers } as unknown as PeerFeed // it looks at nothing else
    const levels = levelMetrics(createMetrics('bench'))
    const watching = new Watching({ db, clock, feed, tally, levels, logger })
    const stopped = AbortSignal.abort()
    const [look, keep, page, all]: [number[], number[], number[], number[]] = [[], [], [], []]
    const { listServiceLevels } = levelHandlers({ db, clock, tally })
    const ask = async (pageSize: number, pageToken = ''): Promise<string> => {
      const request = { peerIds: [], windows: [], pageSize, pageToken }
      return (await listServiceLevels(request as never, {} as never)).nextPageToken ?? ''
    }
    await watching.look()
    for (let run = 0; run < RUNS; run++) {
      look.push(await timed(() => watching.look()))
      keep.push(await timed(() => keepTally({ db, clock, tally, logger }, stopped)))
      page.push(await timed(() => ask(100)))
      all.push(await timed(async () => {
        for (let token = await ask(1_000); token !== ''; token = await ask(1_000, token));
      })) // prettier-ignore
    }
    const aDayLater = new Date(now.getTime() + 24 * HOUR_MS)
    const rollUp = await timed(async () => {
      while ((await inTransaction(db, (tx) => rollUpFigures(tx, aDayLater))) > 0);
    })
    const report = {
      peers: PEERS,
      rows: rows[0]?.count,
      megabytes: rounded((rows[0]?.bytes ?? 0) / 1e6, 0),
      look_ms: rounded(median(look), 1),
      keep_ms: rounded(median(keep), 1),
      read_100_peers_ms: rounded(median(page), 1),
      read_all_ms: rounded(median(all), 1),
      roll_up_a_day_ms: rounded(rollUp, 0),
    }
    say(`service levels: ${JSON.stringify(report)}`)
    return report
  } finally {
    await drop()
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
