import { Code, ConnectError } from '@connectrpc/connect'
import { CALL_SENT, sentEntryId } from '@powernode/ledger'
import { until } from '@powernode/events/testing'
import { runTasks } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { EMPTY_ROOT, parseCheckpoint, parseNote } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replica } from '../append/testing.ts'
import { settleAlarm } from '../operations/alarms/settle-alarm.ts'
import { recordHappening } from '../operations/events/record-happening.ts'
import { nextShipment } from '../operations/mirror/next-shipment.ts'
import * as alarms from '../store/alarms.ts'
import * as entries from '../store/entries.ts'
import * as erasures from '../store/erasures.ts'
import * as holds from '../store/holds.ts'
import * as logs from '../store/logs.ts'
import * as mirrorHolds from '../store/mirror-holds.ts'
import * as witnessed from '../store/witnessed.ts'
import {
  append,
  borderTo,
  call,
  doorsOf,
  grow,
  line,
  mirrorDeps,
  QUOTA,
  noteOf,
  shipmentFrom,
  sign,
  twoSides,
  type Side,
} from '../testing/mirrors.ts'
import { restoredSide } from '../testing/restored.ts'
import { happening, NOW } from '../testing.ts'
import { lookIntoLog } from './look-into-log.ts'
import { openMirrorArea } from './mirror-area.ts'
import type { Border } from './mirror-deps.ts'

let a: Side
let b: Side
/** A with the database of an earlier day. */
let older: Side
let drop: () => Promise<void>
let road: Border
let stopping: AbortController
let running: Promise<unknown>

beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
  road = borderTo(b, doorsOf(b).gateway)
  ;[stopping, running] = [new AbortController(), Promise.resolve()]
})
afterEach(async () => {
  stopping.abort()
  await running
  await Promise.all([drop(), older?.drop()])
})

/** Ships all that is signed. */
async function ship(from: Side, start: number, size: number): Promise<void> {
  for (let at = start; at < size;) {
    const { entries: shipped, checkpoint, proof } = await shipmentFrom(from, at)
    const request = { start: BigInt(at), entries: [...shipped], checkpoint, consistencyProof: [...proof] }
    await road.addEntries(request)
    at += shipped.length
  }
}

const open = (side: Side, border: Border, doubtMs = 10_000) =>
  openMirrorArea(mirrorDeps(side, border), { quota: QUOTA, doubtMs, reconcileEveryMs: 86_400_000 })
const look = (side: Side) => lookIntoLog(mirrorDeps(side, road), side.peerId, stopping.signal)
const logOf = (side: Side) =>
  side.act(async (tx) => {
    const log = await logs.find(tx, side.peerId)
    if (!log) throw new Error('there is no log')
    const size = await entries.size(tx, log.id)
    const rows = await entries.stretch(tx, log.id, { start: 0, end: size, limit: 10_000 })
    const reason = await holds.reasonOf(tx, log.id)
    return { id: log.id, size, rows, leaves: rows.map(({ leaf }) => leaf.toString()), reason }
  })
const announced = async (side: Side) => {
  const { rows } = await sql<{ subject: string }>`select subject from outbox order by position`.execute(side.ledger.db)
  return rows.map(({ subject }) => subject.split('.').slice(0, 3).join('.'))
}
const alarmsOf = (side: Side) => side.act((tx) => alarms.list(tx, { peerId: side.peerId, openOnly: true, limit: 10 }))

test('a log that was restored from a backup gets back what it had signed since, as it was, and goes on', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 300)
  await append(a, [call(a, 1), call(a, 2)])
  const note = await grow(a, 302, 900)
  await ship(a, 0, 900)
  const before = await logOf(a)

  expect(await look(older)).toBe('recovered')
  const after = await logOf(older)
  expect(after.leaves.slice(0, 900)).toEqual(before.leaves)
  expect(after.reason).toBeUndefined()
  expect(after.rows[300]?.id, 'a call has the id of its decision').toBe(call(a, 1).id)
  expect(await announced(older)).toEqual(['fed.audit.recovered'])
  await append(older, [line(older, 2_000)])
  expect(parseCheckpoint(parseNote(await sign(older)).body).size).toBe(902)
  await ship(older, 900, 902)
  expect(parseCheckpoint(parseNote(note).body).size).toBe(900)
})

test('a call of ours comes back as the two entries that it was, and what is told again finds both', async () => {
  await grow(a, 0, 10)
  older = await restoredSide(a, 10)
  const answered = call(a, 1, { direction: 'out' })
  const sent = { ...answered, id: sentEntryId(answered.id), action: CALL_SENT }
  const again = { ...sent, id: call(a, 2).id }
  await append(a, [sent, answered, again])
  await sign(a)
  await ship(a, 0, 13)
  expect(await look(older)).toBe('recovered')
  const { rows, leaves } = await logOf(older)
  expect(leaves.slice(0, 13)).toEqual((await logOf(a)).leaves)
  expect(rows.slice(10, 12).map(({ id }) => id)).toEqual([sent.id, answered.id])
})

test('payloads that were disclosed come back, and of the others the log says that they are lost', async () => {
  await grow(a, 0, 10)
  older = await restoredSide(a, 10)
  await grow(a, 10, 20)
  await ship(a, 0, 20)
  await look(older)
  const { id, rows } = await logOf(older)
  expect(rows.slice(0, 20).map(({ body }) => body !== null)).toEqual([
    ...Array.from({ length: 10 }, () => true),
    ...Array.from({ length: 10 }, (_, i) => i % 2 === 0),
  ])
  const gone = await older.act((tx) => erasures.within(tx, id, { first: 0, last: 20 }))
  expect(gone.map(({ first, last, recordedAt }) => [first, last, recordedAt])).toEqual([
    [11, 11, 20],
    [13, 13, 20],
    [15, 15, 20],
    [17, 17, 20],
    [19, 19, 20],
  ])
  expect(gone[0]?.reason).toContain('lost with an earlier database')
  expect(rows[20]?.leaf.toString()).toContain('federation.audit.payloads_lost')
})

test('while entries are missing, none is appended', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 100)
  await ship(a, 0, 300)
  const whole = road
  road = {
    ...whole,
    async readMirror(request, options) {
      if (Number(request.limit) > 1) throw new Refusal('PEER_UNREACHABLE', 'the road breaks')
      return whole.readMirror(request, options)
    },
  }
  await expect(look(older)).rejects.toThrow('the road breaks')
  await expectRefusal(append(older, [line(older, 500)]), 'LOG_ON_HOLD')
  road = whole
  expect(await look(older)).toBe('recovered')
  await append(older, [line(older, 500)])
})

test('a recovery that ends anywhere goes on where it ended, by whoever does it', async () => {
  await grow(a, 0, 1_500)
  older = await restoredSide(a, 100)
  await ship(a, 0, 1_500)
  const whole = road
  let asked = 0
  for (let breaksAt = 1; ; breaksAt++) {
    asked = 0
    road = {
      ...whole,
      readMirror: (request, options) =>
        ++asked === breaksAt ? Promise.reject(new Error('cut')) : whole.readMirror(request, options),
    }
    const outcome = await look(older).catch(() => 'cut')
    if (outcome === 'recovered') break
    expect(outcome).toBe('cut')
  }
  road = whole
  expect((await logOf(older)).leaves.slice(0, 1_500)).toEqual((await logOf(a)).leaves)
  expect(await look(older)).toBe('whole')
})

test('a log that has grown apart since is put on hold with both notes, until an operator settles it', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 300)
  const signed = await grow(a, 300, 310)
  await ship(a, 0, 310)
  await append(older, [line(older, 700)])
  const apart = await sign(older)
  expect(await look(older)).toBe('incomplete')
  const [alarm] = await alarmsOf(older)
  expect(alarm).toMatchObject({ whose: 'ours', kind: 'fork', firstNote: signed, secondNote: apart })
  expect((await logOf(older)).reason).toBe(mirrorHolds.APART)
  await expectRefusal(append(older, [line(older, 701)]), 'LOG_ON_HOLD')
  await older.act((tx, now) => settleAlarm(tx, now, { id: alarm!.id, by: 'operator/alice', note: 'a backup' }))
  await append(older, [line(older, 701)])
})

test('a log that has even grown beyond what the peer has seen, and apart from it, is found out', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 300)
  await grow(a, 300, 310)
  await ship(a, 0, 310)
  await grow(older, 900, 950)
  expect(await look(older)).toBe('apart')
  expect(await alarmsOf(older)).toMatchObject([{ whose: 'ours', kind: 'fork' }])
  await expectRefusal(append(older, [line(older, 701)]), 'LOG_ON_HOLD')
})

test('what a peer shows counts only with our own signature: sizes and foreign notes change nothing', async () => {
  await grow(a, 0, 10)
  await ship(a, 0, 10)
  const forged = noteOf({ ...b, domain: 'a.test', peerId: a.peerId }, { size: 99, root: EMPTY_ROOT })
  const whole = road
  road = {
    ...whole,
    readMirror: async (request, options) => ({
      ...(await whole.readMirror(request, options)),
      size: 1_000n,
      checkpoint: forged,
      mirroredCheckpoint: 'nonsense',
    }),
  }
  expect(await look(a)).toBe('whole')
  expect((await logOf(a)).reason).toBeUndefined()
})

test('entries that are not those we signed are not appended, whatever the peer sends', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 100)
  await ship(a, 0, 300)
  const whole = road
  const tampering = (change: (leaf: Uint8Array) => Uint8Array): Border => ({
    ...whole,
    async readMirror(request, options) {
      const answer = await whole.readMirror(request, options)
      const changed = answer.entries.map((entry, i) => (i === 3 ? { ...entry, leaf: change(entry.leaf) } : entry))
      return { ...answer, entries: changed }
    },
  })
  road = tampering((leaf) => Buffer.from(Buffer.from(leaf).toString().replace('peer-registry', 'peer-regiztry')))
  expect(await look(older)).toBe('incomplete')
  expect((await logOf(older)).size).toBe(100)
})

test('a peer that shows the right leaves first and others later does not get them appended', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 100)
  await ship(a, 0, 300)
  const whole = road
  const asked = new Map<bigint, number>()
  road = {
    ...whole,
    async readMirror(request, options) {
      const answer = await whole.readMirror(request, options)
      const start = BigInt(request.start ?? 0)
      const isSecond = Number(request.limit) > 1 && asked.set(start, (asked.get(start) ?? 0) + 1).get(start) === 2
      if (!isSecond) return answer
      const [first, ...rest] = answer.entries
      const leaf = Buffer.from(Buffer.from(first!.leaf).toString().replace('peer-registry', 'peer-regiztry'))
      return { ...answer, entries: [{ ...first!, leaf }, ...rest] }
    },
  }
  await expect(look(older)).rejects.toThrow('is not the one that was verified')
  expect((await logOf(older)).size).toBe(100)
  expect(await look(older), 'the leaves it shows now are the right ones').toBe('recovered')
})

test('a payload that comes back and does not fit is dropped, and its entry is not', async () => {
  await grow(a, 0, 10)
  older = await restoredSide(a, 8)
  await ship(a, 0, 10)
  const whole = road
  road = {
    ...whole,
    async readMirror(request, options) {
      const answer = await whole.readMirror(request, options)
      return { ...answer, entries: answer.entries.map((entry) => ({ ...entry, payload: Buffer.from('{"n":666}') })) }
    },
  }
  expect(await look(older)).toBe('recovered')
  const { rows, leaves } = await logOf(older)
  expect(leaves.slice(0, 10)).toEqual((await logOf(a)).leaves)
  expect(rows.slice(8, 10).map(({ body }) => body)).toEqual([null, null])
})

test('what was signed and is in no mirror is lost for good: an alarm says so, and the log waits', async () => {
  await grow(a, 0, 100)
  older = await restoredSide(a, 50)
  await ship(a, 0, 100)
  const note = await grow(a, 100, 120)
  const { root } = parseCheckpoint(parseNote(note).body)
  const saw = { peerId: b.peerId, origin: `a.test/peers/${a.peerId}`, size: 120, root, note, at: b.clock.now() }
  await b.act((tx) => witnessed.add(tx, saw))
  expect(await look(older)).toBe('incomplete')
  expect((await logOf(older)).size, 'what the mirror has is back').toBe(100)
  expect(await look(older)).toBe('incomplete')
  expect(await alarmsOf(older)).toMatchObject([{ whose: 'ours', kind: 'rollback', firstNote: note }])
  expect((await logOf(older)).reason).toBe(mirrorHolds.LOST)
})

const come = (side: Side, isSo: () => Promise<boolean>) =>
  until(async () => {
    await side.clock.advance(250)
    return isSo()
  })

test('after the database was started anew no log is written to before its peer has said what it saw', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 200)
  await ship(a, 0, 300)
  const area = await open(older, road)
  await expectRefusal(append(older, [line(older, 500)]), 'LOG_ON_HOLD')
  running = runTasks(stopping.signal, area.tasks)
  await come(older, async () => (await logOf(older)).reason === undefined)
  expect((await logOf(older)).leaves.slice(0, 300)).toEqual((await logOf(a)).leaves)
  await append(older, [line(older, 500)])
  const again = await open(older, road)
  expect(again.tasks.length, 'the server was not started since').toBeGreaterThan(0)
  await append(older, [line(older, 501)])
})

test.each([
  ['the server was started anew', sql`timestamptz '2026-01-01'`, sql`'entry'::regclass`],
  ['tables were restored from a dump while it ran', sql`pg_postmaster_start_time()`, sql`1`],
])('a database that came back takes nothing from the first moment on: %s', async (_, started, table) => {
  await grow(a, 0, 300)
  await append(a, [line(a, 300, { log: 'platform' })])
  const one = replica(a.ledger.url)
  const written = async (n: number) => (await one.appender.append([line(a, n)]))[0]
  try {
    expect(await written(301)).toMatchObject({ sequence: 300 })
    await sql`insert into database_start (started_at, entry_table, noticed_at) values (${started}, ${table}, ${NOW})`.execute(
      a.ledger.db,
    )
    expect(await written(302), 'whoever has written to it all the time').toEqual({ refused: 'LOG_ON_HOLD' })
    await expectRefusal(append(a, [line(a, 303)]), 'LOG_ON_HOLD')
    await append(a, [line(a, 304, { log: 'platform' })])
    const news = a.act((tx, now) => recordHappening(tx, now, happening(305, { peerId: a.peerId })))
    await expect(news, 'news waits, and is heard again').rejects.toThrow('waits for what its peer has seen')
    await open(a, road)
    expect((await logOf(a)).reason).toBe(mirrorHolds.IN_DOUBT)
    expect(await look(a)).toBe('whole')
    expect(await written(302)).toMatchObject({ sequence: 301 })
  } finally {
    await one.close()
  }
})

test('a peer that does not answer holds a log up for a while, and no longer', async () => {
  await grow(a, 0, 10)
  const dead = { ...road, readMirror: () => Promise.reject(new Refusal('PEER_UNREACHABLE', 'gone')) }
  const area = await open(a, dead, 5_000)
  await expectRefusal(append(a, [line(a, 500)]), 'LOG_ON_HOLD')
  running = runTasks(stopping.signal, area.tasks)
  const begun = a.clock.now().getTime()
  await come(a, async () => (await logOf(a)).reason === undefined)
  expect(a.clock.now().getTime() - begun).toBeGreaterThanOrEqual(5_000)
  await append(a, [line(a, 500)])
})

test('that our own gateway is not there yet takes nothing from the time that the peer has', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 200)
  await ship(a, 0, 300)
  const doubtMs = 40_000 // whoever is refused is asked again after half a minute at the latest: that must not be the whole of it
  const begun = older.clock.now().getTime()
  const isUp = () => (older?.clock.now().getTime() ?? 0) - begun >= doubtMs * 2
  const down = () => Promise.reject(new ConnectError('connect ECONNREFUSED', Code.Unavailable))
  const starting: Border = { ...road, readMirror: (...asked) => (isUp() ? road.readMirror(...asked) : down()) }
  const area = await open(older, starting, doubtMs)
  running = runTasks(stopping.signal, area.tasks)
  await come(older, async () => (await logOf(older)).reason === undefined)
  expect((await logOf(older)).leaves.slice(0, 300)).toEqual((await logOf(a)).leaves)
})

test('without a gateway of ours a log waits longer, and not for ever', async () => {
  await grow(a, 0, 10)
  const down = { ...road, readMirror: () => Promise.reject(new ConnectError('connect ECONNREFUSED', Code.Unavailable)) }
  const area = await open(a, down, 1_000)
  running = runTasks(stopping.signal, area.tasks)
  const begun = a.clock.now().getTime()
  await come(a, async () => (await logOf(a)).reason === undefined)
  expect(a.clock.now().getTime() - begun).toBeGreaterThanOrEqual(6_000)
})

test('a peer that holds more than we have makes whoever leads look, and what was lost is back', async () => {
  await grow(a, 0, 300)
  older = await restoredSide(a, 300)
  await grow(a, 300, 400)
  await ship(a, 0, 400)
  await older.act((tx, now) => mirrorHolds.noteStart(tx, now))
  const area = await open(older, road)
  running = runTasks(stopping.signal, area.tasks)
  await come(older, async () => (await logOf(older)).size > 400)
  await sign(older)
  expect(await older.act((tx, now) => nextShipment(tx, now, { logId: 1, start: 400 }))).toMatchObject({ start: 400 })
})
