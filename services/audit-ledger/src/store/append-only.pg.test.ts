import { openDb, type Db, inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { Edge, leafHash } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { leafOf } from '../leaf.ts'
import { appendBatch } from '../operations/append/append-batch.ts'
import { Columns } from '../operations/append/columns.ts'
import { call, NOW, testLedger } from '../testing.ts'
import * as appending from './appending.ts'
import type { Tables } from './tables.ts'

let ledger: TestDatabase<Tables>
let owner: Db<Tables>
beforeEach(async () => {
  ledger = await testLedger()
  owner = openDb<Tables>({ url: ledger.ownerUrl, schema: 'audit_ledger', applicationName: 'test' })
  const items = Array.from({ length: 300 }, (_, n) => call(n))
  await inTransaction(ledger.db, (tx) => appendBatch(tx, NOW, { items, held: new Map() }))
  await sql`
    insert into checkpoint (log_id, size, root, note, signed_at)
    values (1, 300, ${Buffer.alloc(32)}, 'note', ${NOW})`.execute(ledger.db)
  await sql`
    insert into cosignature (log_id, size, name, key_id, line, at)
    values (1, 300, 'b.test/witness', ${Buffer.alloc(4)}, 'line', ${NOW})`.execute(ledger.db)
})
afterEach(async () => {
  await owner.destroy()
  await ledger.drop()
})

const TABLES = [
  'ledger',
  'log',
  'entry',
  'payload',
  'tile',
  'checkpoint',
  'cosignature',
  'ledger_key',
  'erasure',
  'pruning',
  'hold',
]
const CHANGES = [
  ...TABLES.map((table) => `truncate ${table} cascade`),
  `update entry set action = 'else' where sequence = 2`,
  `delete from entry where sequence = 299`,
  `update payload set body = '{}'`,
  `delete from payload where sequence = 1`,
  `update tile set root = hashes`,
  `delete from tile`,
  `update checkpoint set root = '\\x00'`,
  `delete from checkpoint`,
  `update cosignature set line = ''`,
  `delete from cosignature`,
  `update log set name = 'other'`,
  `delete from log`,
  `update ledger set trust_domain = 'b.test'`,
]

test.each(CHANGES)('the service cannot: %s', async (change) => {
  await expect(sql.raw(change).execute(ledger.db)).rejects.toMatchObject({ code: '42501' })
})

test.each(CHANGES)('nor can the owner of the tables: %s', async (change) => {
  await expect(sql.raw(change).execute(owner)).rejects.toThrow(/what happened stays written/)
})

test.each([
  'drop trigger entry_unchangeable on entry',
  'alter table entry disable trigger all',
  'delete from inbox',
  'set session_replication_role = replica',
])('the service may not take the locks off: %s', async (change) => {
  await expect(sql.raw(change).execute(ledger.db)).rejects.toMatchObject({ code: '42501' })
})

test.each([
  ['leaves a gap', [302]],
  ['stands in the place of one', [5]],
  ['leaves a gap among new ones', [300, 302]],
])('an entry that %s is refused by the database', async (_, places) => {
  const columns = new Columns()
  for (const [at, sequence] of places.entries()) {
    const entry = call(1_000 + at, { payload: undefined })
    const leaf = leafOf(entry, sequence, undefined) ?? Buffer.alloc(0)
    columns.add(entry, { logId: 1, sequence, leaf, hash: leafHash(leaf), salt: undefined })
  }
  await expect(inTransaction(ledger.db, (tx) => appending.add(tx, columns))).rejects.toThrow(
    /do not stand at its end|entry_pkey/,
  )
})

test('an entry of a log that nobody opened, or with a hash that is not its own, is refused by the database', async () => {
  const write = (logId: number, hash: (leaf: Uint8Array) => Uint8Array) => {
    const columns = new Columns()
    const [entry, sequence] = [call(1_000, { payload: undefined }), logId === 1 ? 300 : 0]
    const leaf = leafOf(entry, sequence, undefined) ?? Buffer.alloc(0)
    columns.add(entry, { logId, sequence, leaf, hash: hash(leaf), salt: undefined })
    return inTransaction(ledger.db, (tx) => appending.add(tx, columns))
  }
  await expect(write(2, leafHash)).rejects.toThrow(/do not stand at its end/)
  await expect(write(1, () => Buffer.alloc(32))).rejects.toThrow(/leaf_hash_is_right/)
  await write(1, leafHash)
})

test('payloads go only where an erasure says so, also for the owner, and calls run out only as calls', async () => {
  const erase = (said: string) => sql.raw(said).execute(owner)
  await expect(erase('delete from payload where sequence = 3')).rejects.toThrow(/without an erasure/)
  await erase(`insert into erasure (log_id, first, last, ran_out, at, actor, reason, recorded_at)
    values (1, 3, 4, false, '2026-01-01', 'operator/alice', 'asked', 300)`)
  await erase('delete from payload where sequence between 3 and 4')
  await expect(erase('delete from payload where sequence = 5')).rejects.toThrow(/without an erasure/)
  await expect(
    erase(
      `insert into erasure (log_id, first, last, ran_out, at, actor, reason) values (1, 9, 9, false, '2026-01-01', 'a', 'b')`,
    ),
  ).rejects.toThrow(/erasure_is_recorded/)
})

test('entries go only in whole segments below a cosigned size, also for the owner', async () => {
  const say = (below: number) =>
    sql`insert into pruning (log_id, below, statement, at) values (1, ${below}, 'note', ${NOW})`.execute(owner)
  await expect(say(100)).rejects.toThrow(/below_check/)
  await expect(say(512)).rejects.toThrow(/no witness has cosigned/)
  await expect(sql.raw('delete from entry where sequence < 256').execute(owner)).rejects.toThrow(/without a pruning/)
  await say(256)
  await expect(sql.raw('delete from entry where sequence < 257').execute(owner)).rejects.toThrow(/without a pruning/)
  await sql.raw('delete from payload where sequence < 256').execute(owner)
  await sql.raw('delete from entry where sequence < 256').execute(owner)
})

test('what was signed goes only below a pruning, and is not signed anew there, also for the owner', async () => {
  const sign = (size: number) =>
    sql`insert into checkpoint (log_id, size, root, note, signed_at)
      values (1, ${size}, ${Buffer.alloc(32)}, 'note', ${NOW})`.execute(owner)
  for (const size of [100, 256]) await sign(size)
  await expect(sql.raw('delete from checkpoint where size = 100').execute(owner)).rejects.toThrow(/without a pruning/)
  await sql`insert into pruning (log_id, below, statement, at) values (1, 256, 'note', ${NOW})`.execute(owner)
  await expect(sql.raw('delete from checkpoint where size = 256').execute(owner)).rejects.toThrow(/without a pruning/)
  await expect(sql.raw('delete from cosignature').execute(owner)).rejects.toThrow(/without a pruning/)
  await sql.raw('delete from checkpoint where size = 100').execute(owner)
  await expect(sign(100)).rejects.toThrow(/size 100 of log 1 is pruned/)
})

test('the tree of the entries is the one in the tiles', async () => {
  const { rows } = await sql<{ leaf: Buffer }>`select leaf from entry order by sequence limit 256`.execute(ledger.db)
  const edge = Edge.empty()
  for (const { leaf } of rows) edge.append(leafHash(leaf))
  const { rows: tiles } = await sql<{ root: Buffer }>`select root from tile`.execute(ledger.db)
  expect(tiles).toEqual([{ root: Buffer.from(edge.root()) }])
})
