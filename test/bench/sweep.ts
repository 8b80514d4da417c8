import { systemClock } from '@powernode/clock'
import { testDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import type { Tables } from '../../services/liveness/src/store/tables.ts'
import { listens } from '../../services/liveness/src/operations/testing.ts'
import { sweepOnce } from '../../services/liveness/src/sweeps.ts'
import { median, rounded, say } from './report.ts'

const PEERS = 1_000_000
const RUNS = 5

/** How long a round of the sweep takes over a million peers, of which so many have fallen silent. */
export async function measureSweep() {
  const { db, ownerUrl, drop } = await testDatabase<Tables>({
    schema: 'liveness',
    dir: new URL('../../services/liveness/migrations', import.meta.url),
  })
  try {
    say(`filling in ${PEERS} peers`)
    for (let at = 0; at < PEERS; at += 100_000) {
      await sql`
        insert into freshness (peer_id, stale_after_ms, last_heard_at, last_heard_by_them_at, announced, announced_at, silent_at)
        select gen_random_uuid(), 300000, n, n, 'heard', n, n + interval '1 hour' + random() * interval '1 hour'
        from (select ${systemClock.now()}::timestamptz as n) as t, generate_series(1, 100000)`.execute(db)
    }
    const { Client } = (await import('pg')).default
    const owner = new Client({ connectionString: ownerUrl })
    await owner.connect()
    await owner.query('vacuum analyze freshness')
    await owner.end()

    await listens(db, systemClock.now())
    const took: Record<string, number> = {}
    for (const due of [0, 1_000, 10_000]) {
      const times: number[] = []
      for (let run = 0; run < RUNS; run++) {
        await sql`
          update freshness set silent_at = ${systemClock.now()}
          where peer_id in (select peer_id from freshness where announced = 'heard' limit ${due})`.execute(db)
        const startedAt = performance.now()
        const silent = await sweepOnce({ db, clock: systemClock }, new AbortController().signal)
        times.push(performance.now() - startedAt)
        if (silent !== due) throw new Error(`${silent} peers fell silent, not ${due}`)
      }
      took[`ms_${due}_silent`] = rounded(median(times), 1)
      say(`sweep of ${PEERS} peers, ${due} of them silent: ${median(times).toFixed(1)} ms`)
    }
    return { peers: PEERS, ...took }
  } finally {
    await drop()
  }
}
