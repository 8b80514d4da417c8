import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, chmodSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { filesIn, verifyDirectory } from '@powernode/ledger'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Contradiction, type Head } from '../log-files.ts'
import * as cosignatures from '../store/cosignatures.ts'
import * as sealed from '../store/sealed.ts'
import type { Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import { durableFolder } from './durable.ts'
import { createLogWriter, type LogWriter } from './log-writer.ts'
import { grow, KEYS, ORIGIN, PEER } from './testing/grow.ts'

let database: TestDatabase<Tables>
let dir: string
let writer: LogWriter

beforeEach(async () => {
  database = await testLedger()
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-files-'))
  writer = anotherWriter()
})

afterEach(async () => {
  await database.drop()
  rmSync(dir, { recursive: true })
})

const anotherWriter = (into = dir) =>
  createLogWriter({ db: database.db, clock: systemClock, folder: durableFolder(into) })
const log = () => join(dir, ORIGIN)
const files = () =>
  readdirSync(log(), { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(log().length + 1))
    .toSorted()

async function head(): Promise<Head> {
  const found = await inTransaction(database.db, (tx) => sealed.headNamed(tx, { name: PEER }))
  if (!found) throw new Error('nothing is signed')
  return found
}
const verified = () => verifyDirectory(filesIn(log()), [KEYS.verifierOf(ORIGIN)])

test('what is full is written at once, and the rest with the checkpoint that covers it', async () => {
  await grow(database.db, 600)
  expect(await writer.fill(await head())).toBe(2)
  expect(files()).toEqual(['tile/0/000', 'tile/0/001', 'tile/entries/000', 'tile/entries/001'])
  expect(await writer.seal(await head())).toBe(true)
  expect(files()).toEqual([
    'checkpoint',
    'tile/0/000',
    'tile/0/001',
    'tile/0/002.p/88',
    'tile/1/000.p/2',
    'tile/entries/000',
    'tile/entries/001',
    'tile/entries/002.p/88',
  ])
  expect(await verified()).toMatchObject({ damages: [], intact: true, checkpoint: { size: 600 } })
})

test('what lies there is for reading only, and another time changes nothing', async () => {
  await grow(database.db, 300)
  await writer.seal(await head())
  const before = files().map((path) => [
    path,
    statSync(join(log(), path)).mode & 0o777,
    statSync(join(log(), path)).ino,
  ])
  expect(new Set(before.map(([, mode]) => mode))).toEqual(new Set([0o440]))
  expect(await writer.seal(await head())).toBe(false)
  expect(await anotherWriter().seal(await head())).toBe(false)
  expect(
    files().map((path) => [path, statSync(join(log(), path)).mode & 0o777, statSync(join(log(), path)).ino]),
  ).toEqual(before)
})

test('whoever comes next goes on where the checkpoint in the folder says', async () => {
  await grow(database.db, 300)
  await writer.seal(await head())
  const first = statSync(join(log(), 'tile/entries/000')).ino
  await grow(database.db, 700)
  const next = anotherWriter()
  expect(await next.fill(await head())).toBe(2)
  await next.seal(await head())
  expect(statSync(join(log(), 'tile/entries/000')).ino).toBe(first)
  expect(await verified()).toMatchObject({ damages: [], intact: true, checkpoint: { size: 1_000 } })
})

test('unfinished tiles stay for as long as a reader may still go by them, and no longer', async () => {
  for (const count of [10, 10, 10]) {
    await grow(database.db, count)
    await writer.seal(await head())
  }
  expect(files().filter((path) => path.includes('.p/'))).toEqual([
    'tile/0/000.p/20',
    'tile/0/000.p/30',
    'tile/entries/000.p/20',
    'tile/entries/000.p/30',
  ])
  await grow(database.db, 300)
  await writer.seal(await head())
  await grow(database.db, 1)
  await writer.seal(await head())
  expect(readdirSync(join(log(), 'tile/0')).toSorted()).toEqual(['000', '001.p'])
  expect(await verified()).toMatchObject({ damages: [], intact: true, checkpoint: { size: 331 } })
})

test('a witness that signs later stands under the checkpoint all the same', async () => {
  await grow(database.db, 5)
  await writer.seal(await head())
  const { logId, size } = await head()
  const line = `\u2014 b.test/witness ${Buffer.alloc(76, 1).toString('base64')}`
  const said = { logId, size, name: 'b.test/witness', keyId: Buffer.alloc(4, 1), line, at: systemClock.now() }
  await inTransaction(database.db, (tx) => cosignatures.add(tx, said))
  expect(await writer.seal(await head())).toBe(true)
  expect(readFileSync(join(log(), 'checkpoint'), 'utf8')).toContain(line)
})

test('a file that says something else is left as it is, and told of', async () => {
  await grow(database.db, 300)
  await writer.fill(await head())
  const path = join(log(), 'tile/entries/000')
  const forged = Buffer.alloc(readFileSync(path).length, 'x')
  chmodSync(path, 0o640)
  writeFileSync(path, forged)
  await expect(anotherWriter().seal(await head())).rejects.toThrow(Contradiction)
  expect(readFileSync(path).equals(forged)).toBe(true)
  expect(files()).not.toContain('checkpoint')
})

test('a folder that was signed further than the database ends the writing: entries were lost', async () => {
  await grow(database.db, 10)
  const early = await head()
  await grow(database.db, 10)
  await writer.seal(await head())
  await expect(anotherWriter().seal(early)).rejects.toThrow(/signed up to 20 of .*, the database up to 10/)
})

test.for([7, 299])('entry %i, altered in the database, never reaches a file under a signature', async (sequence) => {
  await grow(database.db, 300)
  const db = openDb<Tables>({ url: database.ownerUrl, schema: 'audit_ledger', applicationName: 'somebody who may' })
  await sql`alter table entry disable trigger user`.execute(db)
  await sql`
    update entry set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), 'allowed', 'refused'), 'UTF8'),
        leaf_hash = sha256('\\x00'::bytea || convert_to(replace(convert_from(leaf, 'UTF8'), 'allowed', 'refused'), 'UTF8'))
      where sequence = ${sequence}`.execute(db)
  await db.destroy()
  await expect(writer.seal(await head())).rejects.toThrow(
    /entry 7 is not the one that stands|do not lead to the root that was signed for size 300/,
  )
  expect(existsSync(join(log(), 'checkpoint'))).toBe(false)
})
