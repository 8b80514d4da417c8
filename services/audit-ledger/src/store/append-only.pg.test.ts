import { inTransaction, openDb, type Db } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nextEntry, EMPTY } from '../entry.ts'
import { recordHappening } from '../operations/record-happening.ts'
import { verifyLog } from '../operations/verify-log.ts'
import { happening, NOW, testLedger } from '../testing.ts'
import * as entries from './entries.ts'
import type { Tables } from './tables.ts'

let ledger: TestDatabase<Tables>
let owner: Db<Tables>
beforeEach(async () => {
  ledger = await testLedger()
  owner = openDb<Tables>({ url: ledger.ownerUrl, schema: 'audit_ledger', applicationName: 'test' })
  for (const n of [1, 2, 3]) await inTransaction(ledger.db, (tx) => recordHappening(tx, NOW, happening(n)))
})
afterEach(async () => {
  await owner.destroy()
  await ledger.drop()
})

const LOG = happening(0).peerId
const CHANGES = [
  `update entry set actor = 'operator/mallory' where sequence = 2`,
  `delete from entry where sequence = 3`,
  `truncate entry`,
  `truncate log cascade`,
  `update log set name = 'other'`,
  `update event set kind = 'federation.peer.revoked'`,
  `truncate event`,
]

test.each(CHANGES)('the service cannot: %s', async (change) => {
  await expect(sql.raw(change).execute(ledger.db)).rejects.toMatchObject({ code: '42501' })
})

test.each(CHANGES)('nor can the owner of the tables: %s', async (change) => {
  await expect(sql.raw(change).execute(owner)).rejects.toThrow(/what happened stays written/)
})

test.each([
  `delete from inbox`,
  `update inbox set consumer = 'other'`,
  `delete from dead_letter`,
  `drop trigger entry_unchangeable on entry`,
])('the service may not: %s', async (change) => {
  await expect(sql.raw(change).execute(ledger.db)).rejects.toMatchObject({ code: '42501' })
})

test('the database refuses an entry that stands on none, on another, or in the place of one', async () => {
  const third = {
    size: 2,
    hash: (await inTransaction(ledger.db, (tx) => entries.after(tx, LOG, { sequence: 1, limit: 1 })))[0]!.hash,
  }
  const head = await inTransaction(ledger.db, (tx) => entries.end(tx, LOG))
  const add = (log: string, entry: ReturnType<typeof nextEntry>) =>
    inTransaction(ledger.db, (tx) => entries.add(tx, log, entry))
  await expect(add(LOG, nextEntry({ ...head, size: 4 }, happening(9)))).rejects.toThrow(/does not stand on/)
  await expect(add(LOG, nextEntry({ ...head, hash: new Uint8Array(32) }, happening(9)))).rejects.toThrow(
    /does not stand on/,
  )
  await expect(add(LOG, nextEntry(third, happening(9)))).rejects.toMatchObject({ code: '23505' })
  await expect(add(LOG, { ...nextEntry(head, happening(9)), hash: new Uint8Array(32) })).rejects.toThrow(
    /hash_is_right/,
  )
  await expect(add('unopened', nextEntry(EMPTY, happening(9)))).rejects.toMatchObject({ code: '23503' })
  await add(LOG, nextEntry(head, happening(9)))
})

test('should somebody take the locks off and rewrite an entry, verification says which', async () => {
  await sql.raw('alter table entry disable trigger entry_unchangeable').execute(owner)
  await sql.raw(`update entry set actor = 'operator/mallory' where sequence = 2`).execute(owner)
  expect(await inTransaction(ledger.db, (tx) => verifyLog(tx, NOW, { log: LOG }))).toMatchObject({
    head: { size: 1 },
    broken: { sequence: 2, flaw: 'its columns do not say what was hashed' },
  })
})

test('a whole history rewritten and hashed anew is another head than the one that was shown', async () => {
  const before = await inTransaction(ledger.db, (tx) => entries.end(tx, LOG))
  await sql.raw('alter table entry disable trigger entry_unchangeable').execute(owner)
  await sql.raw('delete from entry where sequence = 3').execute(owner)
  const after = await inTransaction(ledger.db, (tx) => verifyLog(tx, NOW, { log: LOG }))
  expect(after).toMatchObject({ head: { size: 2 }, broken: undefined })
  expect(after.head).not.toEqual(before)
})
