import { systemClock } from '@powernode/clock'
import { openBus, openShelf, WORM, type Bus, type Shelf } from '@powernode/events'
import { startTestNats, until, type TestNats } from '@powernode/events/testing'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { decodeBundle } from '@powernode/tlog'
import { sql } from 'kysely'
import { connect } from 'nats'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { grow, ORIGIN, PEER } from '../files/testing/grow.ts'
import { Contradiction, type Head } from '../log-files.ts'
import * as sealed from '../store/sealed.ts'
import type { Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import { compareStream } from './compare-stream.ts'
import { createStreamWriter } from './stream-writer.ts'

const signal = new AbortController().signal
const SUBJECT = `worm.${PEER}`
let database: TestDatabase<Tables>
let nats: TestNats
let bus: Bus
let shelf: Shelf

beforeEach(async () => {
  ;[database, nats] = await Promise.all([testLedger(), startTestNats()])
  bus = await openBus({ servers: nats.url, tlsDir: undefined, name: 'audit-ledger', clock: systemClock })
  shelf = await opened()
})

afterEach(async () => {
  await bus.close()
  await nats.stop()
  await database.drop()
})

async function opened(): Promise<Shelf> {
  const open = await openShelf(bus, {}, signal)
  if (!open) throw new Error('the bus is closed')
  return open
}

async function head(): Promise<Head> {
  const found = await inTransaction(database.db, (tx) => sealed.headNamed(tx, { name: PEER }))
  if (!found) throw new Error('nothing is signed')
  return found
}

const writer = () => createStreamWriter({ db: database.db, clock: systemClock, shelf })

async function differences(): Promise<string[]> {
  const flaws = []
  for await (const { flaw } of compareStream({ db: database.db, clock: systemClock, shelf }, await head()))
    flaws.push(flaw)
  return flaws
}

/** The segments in the stream, in their order. */
async function segments(): Promise<string[]> {
  const found = []
  for (let kept = await shelf.next(SUBJECT, 1); kept; kept = await shelf.next(SUBJECT, kept.seq + 1))
    found.push(kept.header('Ledger-Segment'))
  return found
}

test('each full segment stands in the stream once, with the checkpoint that was signed over it', async () => {
  await grow(database.db, 600)
  expect(await writer().keep(await head())).toBe(2)
  expect(await writer().keep(await head())).toBe(0)
  await grow(database.db, 200)
  expect(await writer().keep(await head())).toBe(1)
  expect(await segments()).toEqual(['0', '1', '2'])
  const last = await shelf.last(SUBJECT)
  expect(decodeBundle(last?.data ?? new Uint8Array())).toHaveLength(256)
  expect(Buffer.from(last?.header('Ledger-Checkpoint') ?? '', 'base64').toString()).toContain(`${ORIGIN}\n800\n`)
  expect(await differences()).toEqual([])
})

test('a segment too large for one message comes in parts, and goes on after a crash between them', async () => {
  await grow(database.db, 256, PEER, `skill/${'x'.repeat(5_000)}`)
  let left = 1
  const crashing = { ...shelf, put: (...said: Parameters<Shelf['put']>) => (left-- > 0 ? shelf.put(...said) : Promise.reject(new Error('crash'))) } // prettier-ignore
  const first = createStreamWriter({ db: database.db, clock: systemClock, shelf: crashing })
  await expect(first.keep(await head())).rejects.toThrow('crash')
  expect(await writer().keep(await head())).toBe(2)
  const parts = []
  for (let kept = await shelf.next(SUBJECT, 1); kept; kept = await shelf.next(SUBJECT, kept.seq + 1)) parts.push(kept)
  expect(parts.map(({ header }) => header('Ledger-Part'))).toEqual(['1/3', '2/3', '3/3'])
  expect(decodeBundle(Buffer.concat(parts.map(({ data }) => data)))).toHaveLength(256)
  expect(await differences()).toEqual([])
})

test('replicas that write at the same moment put nothing there twice, and leave nothing out', async () => {
  await grow(database.db, 256 * 20)
  const now = await head()
  const write = async (): Promise<void> => {
    for (;;) {
      try {
        return void (await writer().keep(now))
      } catch (error) {
        if (!String(error).includes('looking again')) throw error
      }
    }
  }
  await Promise.all([write(), write(), write()])
  expect(await segments()).toEqual(Array.from({ length: 20 }, (_, position) => String(position)))
  expect(await differences()).toEqual([])
})

test('a stream that lost its disk is filled again from the first segment', async () => {
  await grow(database.db, 600)
  await writer().keep(await head())
  await nats.kill()
  nats.wipe()
  await nats.start()
  shelf = await opened()
  expect(await segments()).toEqual([])
  expect(await writer().keep(await head())).toBe(2)
  expect(await differences()).toEqual([])
})

test('a log that was rewritten is not continued in the stream, and the difference is named', async () => {
  await grow(database.db, 300)
  await writer().keep(await head())
  const db = openDb<Tables>({ url: database.ownerUrl, schema: 'audit_ledger', applicationName: 'somebody who may' })
  await sql`alter table entry disable trigger user`.execute(db)
  await sql`alter table tile disable trigger user`.execute(db)
  const forged = sql`convert_to(replace(convert_from(leaf, 'UTF8'), 'allowed', 'refused'), 'UTF8')`
  await sql`update entry set leaf = ${forged}, leaf_hash = sha256('\\x00'::bytea || ${forged}) where sequence = 7`.execute(
    db,
  )
  await sql`
    update tile set hashes = (select string_agg(leaf_hash, ''::bytea order by sequence) from entry where sequence < 256)
    where level = 0`.execute(db)
  await db.destroy()
  await grow(database.db, 300).catch(() => undefined)
  await expect(writer().keep(await head())).rejects.toThrow(Contradiction)
  expect(await differences()).toEqual([`segment 0 of ${ORIGIN} is not the one in message 1`])
})

test('answers of the server that somebody had sent into the stream end nothing, and are named', async () => {
  const stranger = await connect({ servers: nats.url })
  const answerInto = async () => {
    const before = (await shelf.last(SUBJECT))?.seq
    stranger.publish('$JS.API.INFO', '', { reply: SUBJECT })
    await until(async () => (await shelf.last(SUBJECT))?.seq !== before)
  }
  await answerInto()
  await grow(database.db, 600)
  expect(await writer().keep(await head())).toBe(2)
  await answerInto()
  await grow(database.db, 200)
  expect(await writer().keep(await head())).toBe(1)
  await stranger.close()
  expect(await segments()).toEqual(['', '0', '1', '', '2'])
  const [first, second, ...more] = await differences()
  expect([first, second, more]).toEqual([
    `message 1 is no segment of ${ORIGIN}`,
    `message 4 is no segment of ${ORIGIN}`,
    [],
  ])
})

test('a segment that is missing from the stream is named', async () => {
  await grow(database.db, 800)
  const one = await inTransaction(database.db, (tx) => sealed.leaves(tx, { logId: 1 }, { start: 256, end: 257 }))
  expect(one).toHaveLength(1)
  const headers = { 'Ledger-Origin': ORIGIN, 'Ledger-Segment': '1', 'Ledger-Part': '1/1' }
  await shelf.put(SUBJECT, { after: 0, id: 'x', headers, data: Buffer.from('not a segment') })
  expect(await differences()).toEqual([
    'message 1 is segment 1, where 0 has to stand',
    `segment 1 of ${ORIGIN} is not the one in message 1`,
  ])
  await expect(writer().keep(await head())).rejects.toThrow(/segment 1 of .* is not the one in the stream/)
})

test('what the server takes for a repeat, though it has nothing, is not taken for kept', async () => {
  await grow(database.db, 300)
  await shelf.put('worm.other', { after: 0, id: `${ORIGIN}/tile/entries/000`, headers: {}, data: Buffer.from('x') })
  await expect(writer().keep(await head())).rejects.toThrow(/looking again/)
  expect(await segments()).toEqual([])
})

test('a stream that somebody has made so that it can be emptied is not used', async () => {
  await nats.kill()
  nats.wipe()
  await nats.start()
  const connection = await bus.connection(signal)
  const { streams } = (await connection?.jetstreamManager()) ?? { streams: undefined }
  await streams?.add({ name: WORM.stream, subjects: [...WORM.subjects] })
  await expect(opened()).rejects.toThrow(/lets messages be deleted/)
})
