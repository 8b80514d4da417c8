import { inTransaction } from '@powernode/postgres'
import { expect, test } from 'vitest'
import { happening, testLedger } from '../testing.ts'
import { dropOldEvents } from './drop-old-events.ts'
import { listEntries } from './list-entries.ts'
import { listEvents } from './list-events.ts'
import { recordHappening } from './record-happening.ts'

const day = (n: number) => new Date(Date.UTC(2026, 0, 1 + n))

test('the feed drops events after 90 days and critical ones after 365; the ledger keeps all', async () => {
  const ledger = await testLedger()
  const severities = ['low', 'medium', 'high', 'critical'] as const
  for (const [n, severity] of severities.entries()) {
    await inTransaction(ledger.db, (tx) => recordHappening(tx, day(0), happening(n, { severity, at: day(0) })))
  }
  const filter = { kindPrefix: '', source: '', peerId: '', since: undefined }
  const left = async (now: Date) => {
    await inTransaction(ledger.db, (tx) => dropOldEvents(tx, now, { limit: 100 }))
    const events = await inTransaction(ledger.db, (tx) => listEvents(tx, now, { filter, limit: 10 }))
    return events.map(({ severity }) => severity)
  }
  expect(await left(day(90))).toHaveLength(4)
  expect(await left(day(91))).toEqual(['critical'])
  expect(await left(day(365))).toEqual(['critical'])
  expect(await left(day(366))).toEqual([])
  const said = { log: happening(0).peerId, after: 0, limit: 10 }
  expect((await inTransaction(ledger.db, (tx) => listEntries(tx, day(366), said))).entries).toHaveLength(4)
  await ledger.drop()
})
