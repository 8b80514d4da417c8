import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import { createLogger } from '@powernode/process'
import { expect, test } from 'vitest'
import { dropOldEvents } from './operations/events/drop-old-events.ts'
import { sweepOldEvents } from './sweeps.ts'
import { NOW, testLedger } from './testing.ts'

test('a database that is away ends no service: the sweep says so and comes back', async () => {
  const ledger = await testLedger()
  await inTransaction(ledger.db, (tx) => dropOldEvents(tx, NOW, { limit: 1 })) // connects, so that there is something to lose
  await ledger.db.destroy()
  const clock = new FakeClock()
  const lines: string[] = []
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  const stop = new AbortController()
  const sweeping = sweepOldEvents({ db: ledger.db, clock, logger }, stop.signal)
  for (const round of [1, 2]) {
    await clock.sleeping()
    expect(lines).toHaveLength(round)
    await clock.advance(60_000)
  }
  stop.abort()
  await sweeping
  await ledger.drop()
})
