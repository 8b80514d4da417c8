import { afterEach, beforeEach, expect, test } from 'vitest'
import * as reconciliations from '../../store/mirror-reconciliations.ts'
import { append, call, QUOTA, shipmentFrom, sign, twoSides, type Side } from '../../testing/mirrors.ts'
import { receiveEntries } from '../mirror/receive-entries.ts'
import { recordComparison } from './record-comparison.ts'

let a: Side
let b: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
})
afterEach(() => drop())

const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const mirror = async (start: number) => {
  await sign(b)
  const shipment = await shipmentFrom(b, start)
  await a.act((tx, now) => receiveEntries(tx, now, { peerId: a.peerId, ...shipment, quota: QUOTA }))
}
const theirs = (n: number, at: Date) => append(b, [call(b, n, { direction: 'out', actor: 'service/x', at })])
const compare = async () => {
  const [due] = await a.act((tx, now) => reconciliations.due(tx, { since: now, limit: 1 }))
  const since = due?.comparedUntil ?? undefined
  return a.act((tx, now) => recordComparison(tx, now, { peerId: a.peerId, since, signal }))
}

test('a call that a peer tells of after the night, as of the time before, is compared the night after, and once', async () => {
  await append(a, [call(a, 1)])
  await theirs(1, a.clock.now())
  await mirror(0)
  await a.clock.advance(12 * HOUR_MS)
  const before = new Date(a.clock.now().getTime() - HOUR_MS)
  expect(await compare()).toBe(0)
  await a.clock.advance(HOUR_MS)
  await theirs(2, before)
  await mirror(1)
  await a.clock.advance(24 * HOUR_MS)
  expect(await compare()).toBe(1)
  await a.clock.advance(24 * HOUR_MS)
  expect(await compare()).toBe(0)
})
