import { inTransaction } from '@powernode/postgres'
import { expectRefusal } from '@powernode/rpc/testing'
import { checkConsistency, Edge, leafHash, parseCheckpoint, parseNote, rootAt } from '@powernode/tlog'
import { encodeEntry } from '@powernode/ledger'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MirrorQuota } from '../../mirror-quota.ts'
import * as alarms from '../../store/alarms.ts'
import * as mirrors from '../../store/mirrors.ts'
import * as witnessed from '../../store/witnessed.ts'
import { NOW } from '../../testing.ts'
import { A_ON_B, append, call, grow, line, noteOf, QUOTA, shipmentFrom, sign, twoSides, testSide, type Side } from '../../testing/mirrors.ts' // prettier-ignore
import type { Shipment } from './next-shipment.ts'
import { readMirror } from './read-mirror.ts'
import { receiveEntries, type Received } from './receive-entries.ts'

let a: Side
let b: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
})
afterEach(() => drop())

const receive = ({ proof, ...shipment }: Shipment, quota: MirrorQuota = QUOTA): Promise<Received> =>
  b.act((tx, now) => receiveEntries(tx, now, { peerId: b.peerId, ...shipment, proof, quota }))
const held = () => b.act((tx) => mirrors.head(tx, b.peerId))
const read = (start = 0, limit = 0) => b.act((tx, now) => readMirror(tx, now, { peerId: b.peerId, start, limit }))
const alarmsOf = () => b.act((tx) => alarms.list(tx, { peerId: b.peerId, openOnly: false, limit: 10 }))

test('what a peer delivers is held to the byte, and makes the tree that the peer has signed', async () => {
  const note = await grow(a, 0, 700)
  for (const size of [256, 512, 700])
    expect(await receive(await shipmentFrom(a, size - (size % 256 || 256)))).toEqual({ size })
  const { root } = parseCheckpoint(parseNote(note).body)
  expect(Buffer.from((await held())!.root)).toEqual(Buffer.from(root))
  const page = await read(600)
  expect(page).toMatchObject({ size: 700, mirroredCheckpoint: note, checkpoint: note })
  expect(page.entries.map(({ leaf }) => leaf.toString())).toEqual(
    (await shipmentFrom(a, 600)).entries.map(({ leaf }) => leaf.toString()),
  )
})

test('payloads arrive where they are disclosed, and nowhere else', async () => {
  await grow(a, 0, 4)
  await receive(await shipmentFrom(a, 0))
  const payloads = (await read()).entries.map(({ payload }) => Buffer.from(payload).toString())
  expect(payloads).toEqual(['{"n":0}', '', '{"n":2}', ''])
})

test('entries are taken where the mirror ends: the sender learns where that is, and a repeat changes nothing', async () => {
  await grow(a, 0, 10)
  const shipment = await shipmentFrom(a, 0)
  await receive(shipment)
  const refusal = await expectRefusal(receive(shipment), 'MIRROR_GAP')
  expect(refusal.metadata['size']).toBe('10')
  await grow(a, 10, 20)
  await expectRefusal(receive(await shipmentFrom(a, 15)), 'MIRROR_GAP')
  expect((await held())?.size).toBe(10)
})

test('of two replicas that receive the same at once, one takes it, and the tree is whole', async () => {
  const note = await grow(a, 0, 300)
  const shipment = await shipmentFrom(a, 0)
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => receive(shipment)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  await receive(await shipmentFrom(a, 256))
  expect((await read()).mirroredCheckpoint).toBe(note)
})

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** The same delivery with its entries changed. */
const altered = (shipment: Shipment, change: (entries: Shipment['entries']) => Shipment['entries']): Shipment => ({
  ...shipment,
  entries: change(shipment.entries),
})

test('no altered delivery is taken: a bit, an order, one that is missing, one too many, another’s', async () => {
  await grow(a, 0, 20)
  const whole = await shipmentFrom(a, 0)
  const other = await testSide('a.test', a.peerId, a.keys)
  await append(
    other,
    Array.from({ length: 20 }, (_, n) => line(other, 500 + n)),
  )
  await sign(other)
  const foreign = await shipmentFrom(other, 0)
  await other.drop()
  const bits = whole.entries.flatMap(({ leaf }, of) =>
    [10, Math.floor(leaf.length / 2), leaf.length - 4].map((at) =>
      altered(whole, (all) => all.map((one, i) => (i === of ? { ...one, leaf: flipped(one.leaf, at) } : one))),
    ),
  )
  const attacks = [
    ...bits,
    altered(whole, (all) => [all[1]!, all[0]!, ...all.slice(2)]),
    altered(whole, (all) => all.slice(0, -1)),
    altered(whole, (all) => all.slice(1)),
    altered(whole, (all) => [...all.slice(0, 10), ...all.slice(11)]),
    altered(whole, (all) => [...all, all.at(-1)!]),
    altered(whole, () => foreign.entries),
    altered(whole, (all) => [...all.slice(0, 10), ...foreign.entries.slice(10)]),
    { ...whole, proof: [Buffer.alloc(32)] },
  ]
  for (const attack of attacks) await expectRefusal(receive(attack), 'MIRROR_MISMATCH')
  expect(await held()).toBeUndefined()
  expect(await alarmsOf(), 'entries that do not fit prove nothing against the peer').toEqual([])
  expect(await receive(whole)).toEqual({ size: 20 })
})

test('a payload that is not the one in the leaf is refused, and so is a salt without one', async () => {
  await grow(a, 0, 2)
  const whole = await shipmentFrom(a, 0)
  const [first, second] = whole.entries
  for (const changed of [
    { ...first!, payload: Buffer.from('{"n":1}') },
    { ...first!, salt: Buffer.alloc(16) },
    { ...first!, salt: new Uint8Array() },
    { ...first!, payload: new Uint8Array() },
  ]) {
    await expectRefusal(receive(altered(whole, () => [changed, second!])), 'MIRROR_MISMATCH')
  }
  expect(await receive(altered(whole, () => [{ ...first!, salt: new Uint8Array(), payload: new Uint8Array() }, second!]))).toEqual({ size: 2 }) // prettier-ignore
})

test('a checkpoint counts with the signature of this peer, for this peering, and in no other form', async () => {
  await grow(a, 0, 5)
  const whole = await shipmentFrom(a, 0)
  const elsewhere = await testSide('a.test', A_ON_B, a.keys)
  await append(
    elsewhere,
    Array.from({ length: 5 }, (_, n) => line(elsewhere, n)),
  )
  const ofAnother = await sign(elsewhere)
  await elsewhere.drop()
  const stranger = await testSide('a.test', a.peerId)
  const { root } = parseCheckpoint(parseNote(whole.checkpoint).body)
  const forged = noteOf(stranger, { size: 5, root })
  await stranger.drop()
  for (const checkpoint of [
    ofAnother,
    forged,
    whole.checkpoint.replace('\n5\n', '\n05\n'),
    'nonsense',
    `${whole.checkpoint}\r\n`,
  ]) {
    await expectRefusal(receive({ ...whole, checkpoint }), 'CHECKPOINT_INVALID')
  }
  expect(await held()).toBeUndefined()
})

test('a peer whose keys nobody has stated is asked for them', async () => {
  await grow(a, 0, 5)
  const shipment = await shipmentFrom(a, 0)
  const stranger = await testSide('c.test', A_ON_B)
  const said = { peerId: A_ON_B, ...shipment, quota: QUOTA }
  await expectRefusal(
    stranger.act((tx, now) => receiveEntries(tx, now, said)),
    'LEDGER_KEYS_UNKNOWN',
  )
  await stranger.drop()
})

/** A tree of entries that this side would write, and a delivery of all of them that fits it. */
const crafted = (leaves: readonly Uint8Array[]): Shipment => {
  const edge = Edge.empty()
  for (const leaf of leaves) edge.append(leafHash(leaf))
  const nothing = new Uint8Array()
  return {
    start: 0,
    entries: leaves.map((leaf) => ({ leaf, salt: nothing, payload: nothing })),
    checkpoint: noteOf(a, { size: leaves.length, root: edge.root() }),
    proof: [],
  }
}

test('leaves that are no entries are refused, whatever was signed over them', async () => {
  const entry = { sequence: 0, action: 'x', at: NOW, actor: 'platform' }
  const good = Buffer.from(encodeEntry(entry))
  const bad = [
    Buffer.alloc(65_536, 0x20),
    Buffer.from('{}'),
    Buffer.from(good.toString().replace(',', ', ')),
    encodeEntry({ ...entry, sequence: 1 }),
    encodeEntry({ ...entry, direction: 'sideways' }),
    encodeEntry({ ...entry, at: new Date('0000-01-01T00:00:00.000Z') }),
    Buffer.concat([good, Buffer.from([0xff])]),
  ]
  for (const leaf of bad) await expectRefusal(receive(crafted([leaf])), 'MIRROR_MISMATCH')
  const odd = encodeEntry({ ...entry, direction: 'in', contentId: 'nul \0 and "quotes" \\', resource: '\0/\u{1f600}' })
  expect(await receive(crafted([odd])), 'odd strings are strings').toEqual({ size: 1 })
})

test('a log that was signed otherwise before is an alarm with both notes, though nothing of it is taken', async () => {
  await grow(a, 0, 8)
  const whole = await shipmentFrom(a, 0)
  const other = noteOf(a, { size: 5, root: Buffer.alloc(32, 7) })
  const { peerId } = b
  const origin = `${a.domain}/peers/${a.peerId}`
  const saw = { peerId, origin, size: 5, root: Buffer.alloc(32, 7), note: other, at: NOW }
  await b.act((tx) => witnessed.add(tx, saw))
  const received = await receive(whole)
  expect('refused' in received && received.refused.reason).toBe('CHECKPOINT_FORKED')
  expect(await held()).toBeUndefined()
  expect(await alarmsOf()).toMatchObject([
    { whose: 'theirs', kind: 'fork', firstNote: other, secondNote: whole.checkpoint },
  ])
})

test('two notes of one size are a fork, whether or not the entries fit', async () => {
  await grow(a, 0, 8)
  const whole = await shipmentFrom(a, 0)
  const { peerId } = b
  const origin = `${a.domain}/peers/${a.peerId}`
  const root = Buffer.alloc(32, 9)
  const note = noteOf(a, { size: 8, root })
  await b.act((tx) => witnessed.add(tx, { peerId, origin, size: 8, root, note, at: NOW }))
  const received = await receive(altered(whole, (all) => all.slice(0, 3)))
  expect('refused' in received && received.refused.reason).toBe('CHECKPOINT_FORKED')
  expect(await alarmsOf()).toHaveLength(1)
})

test('a peer fills of our disk what it may, and no faster than it may', async () => {
  await grow(a, 0, 600)
  const first = await shipmentFrom(a, 0)
  const bytes = first.entries.reduce(
    (sum, { leaf, payload }) => sum + leaf.length + payload.length,
    first.checkpoint.length + 2,
  )
  await expectRefusal(receive(first, { bytes: bytes - 1, bytesPerMinute: 1e9 }), 'RATE_LIMITED')
  const quota = { bytes: 1e9, bytesPerMinute: bytes }
  await receive(first, quota)
  const refusal = await expectRefusal(receive(await shipmentFrom(a, 256), quota), 'RATE_LIMITED')
  expect(refusal.retryAfterMs).toBeGreaterThan(0)
  await b.clock.advance(60_000)
  expect(await receive(await shipmentFrom(a, 256), { ...quota, bytesPerMinute: 2 * bytes })).toEqual({ size: 512 })
})

test('the database refuses what the code forbids: a gap, a change, a hash that is not that of the leaf', async () => {
  await append(a, [call(a, 0), call(a, 1)])
  await sign(a)
  await receive(await shipmentFrom(a, 0))
  const refused = (statement: string) => expect(inTransaction(b.ledger.db, (tx) => sql.raw(statement).execute(tx))).rejects.toThrow() // prettier-ignore
  const columns = 'peer_id, sequence, at, leaf, leaf_hash'
  const values = (sequence: number, leaf = "'x'", hash = "sha256('\\x00'::bytea || 'x'::bytea)") =>
    `insert into mirror_entry (${columns}) values ('${b.peerId}', ${sequence}, '2026-01-01', ${leaf}, ${hash})`
  await refused(values(3))
  await refused(values(2, "'y'"))
  await refused(`update mirror_entry set at = at`)
  await refused(`delete from mirror_entry`)
  await refused(`truncate mirror_entry`)
  await inTransaction(b.ledger.db, (tx) => sql.raw(values(2)).execute(tx))
})

test('a mirror of its own accord proves any earlier size to be a prefix of a later one', async () => {
  const early = parseCheckpoint(parseNote(await grow(a, 0, 300)).body)
  await receive(await shipmentFrom(a, 0))
  await receive(await shipmentFrom(a, 256))
  const late = parseCheckpoint(parseNote(await grow(a, 300, 900)).body)
  for (let size = 300; size < 900;) size = ((await receive(await shipmentFrom(a, size))) as { size: number }).size
  const head = await held()
  expect(Buffer.from(head!.root)).toEqual(Buffer.from(late.root))
  const { proof } = await shipmentFrom(a, 0)
  const root = await b.act((tx) => mirrors.edge(tx, b.peerId, 256).then((edge) => edge.root()))
  expect(checkConsistency({ oldSize: 256, oldRoot: root, size: 900, root: late.root, proof })).toBeUndefined()
  expect(early.size).toBe(300)
  expect(await rootAt(async () => [], 0)).toBeDefined()
})
