import { afterEach, beforeEach, expect, test } from 'vitest'
import { NOW } from '../../testing.ts'
import { append, call, line, QUOTA, shipmentFrom, sign, twoSides, type Side } from '../../testing/mirrors.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import { receiveEntries } from '../mirror/receive-entries.ts'
import { witnessCheckpoint } from '../witness/witness-checkpoint.ts'
import { compareLogs } from './compare-logs.ts'

let a: Side
let b: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
  await append(a, [call(a, 1)])
})
afterEach(() => drop())

const DAY_MS = 86_400_000
const signal = new AbortController().signal
const counts = async () => {
  const said = { peerId: a.peerId, since: undefined, until: undefined, signal, onProgress: () => {} }
  return (await a.act((tx, now) => compareLogs(tx, now, said))).counts
}

test('a peer that ships nothing has a day for it, and then its calls are missing there', async () => {
  await a.clock.advance(600_000)
  expect(await counts()).toMatchObject({ pending: 1, missing_there: 0 })
  await a.clock.advance(DAY_MS)
  expect(await counts()).toMatchObject({ pending: 0, missing_there: 1 })
})

test('and so has one that never ships the end of its log, and dates what it ships back', async () => {
  await append(b, [line(b, 2, { at: new Date(NOW.getTime() - 80 * DAY_MS) })])
  await sign(b)
  const shipment = await shipmentFrom(b, 0)
  await a.act((tx, now) => receiveEntries(tx, now, { peerId: a.peerId, ...shipment, quota: QUOTA }))
  await append(b, [line(b, 3)])
  const note = await sign(b)
  await a.act(async (tx, now) => {
    const keys = (await witnessedKeys.newest(tx, a.peerId))!
    await witnessCheckpoint(tx, now, { keys, note, oldSize: 0, proof: [], byPeer: true })
  })
  await a.clock.advance(600_000)
  expect(await counts()).toMatchObject({ pending: 1, missing_there: 0 })
  await a.clock.advance(DAY_MS)
  expect(await counts()).toMatchObject({ pending: 0, missing_there: 1 })
})
