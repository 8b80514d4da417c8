import { expectRefusal } from '@powernode/rpc/testing'
import { logSigner, parseCheckpoint, signNote } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as alarms from '../../store/alarms.ts'
import * as mirrors from '../../store/mirrors.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import { NOW, TRUST_DOMAIN } from '../../testing.ts'
import { append, grow, line, QUOTA, shipmentFrom, sign, testSide, twoSides, type Side } from '../../testing/mirrors.ts'
import { PEER_ID, TestPeer } from '../../witness/testing.ts'
import { receiveEntries } from '../mirror/receive-entries.ts'
import { adoptKeys } from './adopt-keys.ts'
import { observeHead } from './observe-head.ts'
import { witnessCheckpoint } from './witness-checkpoint.ts'

/** A is the peer that cheats: it has one history for its mirror with B, and another for B as its witness. */
let a: Side
let other: Side
let b: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
  other = await testSide('a.test', a.peerId, a.keys)
})
afterEach(() => Promise.all([drop(), other.drop()]))

const mirror = async (from: Side) => {
  const shipment = await shipmentFrom(from, 0)
  return b.act((tx, now) => receiveEntries(tx, now, { peerId: b.peerId, ...shipment, quota: QUOTA }))
}
const show = (note: string) =>
  b.act(async (tx, now) => {
    const keys = (await witnessedKeys.newest(tx, b.peerId))!
    return witnessCheckpoint(tx, now, { keys, note, oldSize: 0, proof: [], byPeer: true })
  })
const found = () => b.act((tx) => alarms.list(tx, { peerId: b.peerId, openOnly: true, limit: 10 }))

test('one history for the mirror and another for the witness is a fork, though no size was ever signed twice', async () => {
  const whole = await grow(a, 0, 20)
  await mirror(a)
  await append(other, [line(other, 500)])
  const note = await sign(other)
  expect(await show(note)).toMatchObject({ kind: 'forked' })
  expect(await found()).toMatchObject([{ whose: 'theirs', kind: 'fork', firstNote: whole, secondNote: note }])
})

test('and it is one as well when it is told with a heartbeat', async () => {
  await grow(a, 0, 20)
  await mirror(a)
  await append(other, [line(other, 500)])
  const note = await sign(other)
  expect(await b.act((tx, now) => observeHead(tx, now, { peerId: b.peerId, note }))).toBe('fork')
  expect(await found()).toMatchObject([{ whose: 'theirs', kind: 'fork' }])
})

test('what is mirrored already may be witnessed later, and earlier sizes too', async () => {
  const earlier = await grow(a, 0, 300)
  await mirror(a)
  expect(await show(earlier)).toMatchObject({ kind: 'witnessed' })
  expect(await found()).toEqual([])
})

test('of a delivery and a checkpoint that contradict each other and come at once, one is found', async () => {
  await grow(a, 0, 20)
  await append(other, [line(other, 500)])
  const note = await sign(other)
  await Promise.all([mirror(a), show(note)])
  expect(await found()).toMatchObject([{ whose: 'theirs', kind: 'fork' }])
})

test('what is kept of a delivery is what the log has signed, and all that is kept counts against the quota', async () => {
  const note = await grow(a, 0, 1)
  const foreign = '— x.test/witness ' + Buffer.alloc(72).toString('base64') + '\n'
  const { checkpoint, ...shipment } = await shipmentFrom(a, 0)
  const padded = checkpoint + foreign.repeat(90)
  await b.act((tx, now) => receiveEntries(tx, now, { peerId: b.peerId, ...shipment, checkpoint: padded, quota: QUOTA }))
  const head = (await b.act((tx) => mirrors.head(tx, b.peerId)))!
  expect(head.checkpoint).toBe(note)
  expect(head.bytes).toBeGreaterThan(note.length)
})

const adopt = (by: TestPeer, said: Record<string, unknown> = {}, known: object = {}) =>
  b.act((tx) =>
    adoptKeys(tx, NOW, { peer: { ...by.known, ...known }, ourDomain: TRUST_DOMAIN, statement: by.statement(said) }),
  )
/** A child: its certificates are ours, so its trust domain is what it says. */
const CHILD = { trustDomain: TRUST_DOMAIN }

test('a child that changes its trust domain does not get a log without a past', async () => {
  const child = new TestPeer({ trustDomain: 'child.test' })
  await adopt(child, {}, CHILD)
  const moved = adopt(child, { sequence: 2n, trustDomain: 'reborn.test' }, CHILD)
  await expectRefusal(moved, 'LEDGER_KEYS_INVALID')
})

test('nobody gets the log of another witnessed under its name, at once or later, as a child or as a peering anew', async () => {
  const victim = new TestPeer({ trustDomain: 'victim.test' })
  await adopt(victim)
  const thief = new TestPeer({ trustDomain: 'victim.test', peerId: PEER_ID.replace('beef', 'dead') })
  await expectRefusal(adopt(thief, {}, CHILD), 'LEDGER_KEYS_INVALID')
  await expectRefusal(adopt(thief), 'LEDGER_KEYS_INVALID')
})

test('of two that claim one name at the same moment, one gets it', async () => {
  const all = ['beef', 'dead', 'cafe'].map((id) => new TestPeer({ peerId: PEER_ID.replace('beef', id) }))
  const outcomes = await Promise.allSettled(all.map((one) => adopt(one)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('what a peer has kept for ever is small, and not more of it every minute than an honest one needs', async () => {
  const peer = new TestPeer()
  const keys = await adopt(peer)
  const submit = (note: string, said: { oldSize: number; proof: readonly Uint8Array[] }, at = NOW) =>
    b.act((tx) => witnessCheckpoint(tx, at, { keys, note, ...said, byPeer: true }))
  const body = await peer.grow(1).body()
  const padded = signNote(`${body}${'x'.repeat(4_000)}\n`, [logSigner(peer.origin, peer.log.key)])
  expect(await submit(padded, { oldSize: 0, proof: [] })).toMatchObject({ kind: 'flawed', flaw: 'malformed' })

  peer.grow(2_400)
  const { root } = parseCheckpoint(await peer.body(2_400))
  await b.act((tx) =>
    sql`insert into witnessed (peer_id, origin, size, root, note, at)
      select ${peer.peerId}, ${peer.origin}, n, ${Buffer.from(root)}, 'note', ${NOW} from generate_series(1, 2400) n`.execute(
      tx,
    ),
  )
  const next = { oldSize: 2_400, proof: await peer.proof(2_400) }
  expect(await submit(await peer.note(), next)).toEqual({ kind: 'often' })
  expect(await submit(await peer.note(2_400), { oldSize: 2_400, proof: [] })).toMatchObject({ kind: 'witnessed' })
  expect(await submit(await peer.note(), next, new Date(NOW.getTime() + 60_000))).toMatchObject({ kind: 'witnessed' })
})

test('keys that change without end are not kept without end', async () => {
  const peer = new TestPeer()
  for (let n = 1; n <= 32; n++) await adopt(peer, { sequence: BigInt(n) })
  await expectRefusal(adopt(peer, { sequence: 33n }), 'RATE_LIMITED')
})
