import { inTransaction } from '@powernode/postgres'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { happening, testLedger } from '../../testing.ts'
import { dropOldEvents } from './drop-old-events.ts'
import { recordHappening } from './record-happening.ts'

const DAY_MS = 86_400_000
const AT = new Date('2026-01-01T00:00:00.000Z')
const after = (days: number, hours = 0) => new Date(AT.getTime() + days * DAY_MS + hours * 3_600_000)

test('what no page shows any more is swept, in bounded batches; the ledger keeps all', async () => {
  const ledger = await testLedger()
  const severities = ['low', 'medium', 'high', 'critical'] as const
  for (const [n, severity] of severities.entries())
    await inTransaction(ledger.db, (tx) => recordHappening(tx, AT, happening(n, { severity, at: AT })))
  const sweep = (now: Date) => inTransaction(ledger.db, (tx) => dropOldEvents(tx, now, { limit: 2 }))

  // A day and an hour longer than shown, for whoever began to read just before.
  expect(await sweep(after(91, 1))).toBe(0)
  expect([await sweep(after(91, 2)), await sweep(after(91, 2))]).toEqual([2, 1])
  expect(await sweep(after(366, 1))).toBe(0)
  expect(await sweep(after(366, 2))).toBe(1)
  const { rows } = await sql`select 1 from entry`.execute(ledger.db)
  expect(rows).toHaveLength(4)
  await ledger.drop()
})
