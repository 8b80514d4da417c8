import { inTransaction } from '@powernode/postgres'
import { refusalOf } from '@powernode/rpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as mirrors from '../store/mirrors.ts'
import { append, doorsOf, grow, line, shipmentFrom, twoSides, type Side } from '../testing/mirrors.ts'
import { PeerTurns } from './peer-turns.ts'

let a: Side
let b: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
})
afterEach(() => drop())

test('a peer that asks for much at once takes no connection by which others are served, or entries written', async () => {
  await grow(a, 0, 3)
  const { start, proof, ...shipment } = await shipmentFrom(a, 0)
  const request = { ...shipment, start: BigInt(start), consistencyProof: proof } as never
  const { gateway } = doorsOf(b)
  const locked = Promise.withResolvers<void>()
  const letGo = Promise.withResolvers<void>()
  const holding = inTransaction(b.ledger.db, async (tx) => {
    await mirrors.lock(tx, b.peerId)
    locked.resolve()
    await letGo.promise
  })
  await locked.promise
  const flood = Array.from({ length: 60 }, () =>
    gateway.mirrorEntries({ peerId: b.peerId, request }).catch((error: unknown) => refusalOf(error)?.reason),
  )
  await append(b, [line(b, 0)])
  const another = '019f0000-0000-7000-8000-0000000000ff'
  await gateway.readMirror({ peerId: another, request: {} })
  letGo.resolve()
  await holding
  const outcomes = await Promise.all(flood)
  expect(outcomes.filter((outcome) => typeof outcome === 'object')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === 'RATE_LIMITED').length).toBeGreaterThan(40)
})

test('no more at once than may, of one peer and of all, and whoever waits has its turn before one who had it', async () => {
  const turns = new PeerTurns()
  const ended: string[] = []
  const open: (() => void)[] = []
  let most = 0
  const work = (peerId: string) =>
    turns.take(peerId, async () => {
      await new Promise<void>((resolve) => open.push(resolve))
      ended.push(peerId)
    })
  const all = ['a', 'a', 'a', 'a', 'b', 'c', 'd', 'e', 'e', 'f', 'f', 'g'].map(work)
  while (ended.length < all.length) {
    await Promise.resolve()
    most = Math.max(most, open.length)
    if (open.length > 0) open.shift()!()
    for (let n = 0; n < 10; n++) await Promise.resolve()
  }
  await Promise.all(all)
  expect(most).toBe(8)
  expect(ended.lastIndexOf('a')).toBeGreaterThan(ended.indexOf('f'))
})

test('what fails gives its turn back', async () => {
  const turns = new PeerTurns()
  for (let n = 0; n < 50; n++)
    await expect(turns.take('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await turns.take('a', () => Promise.resolve(1))).toBe(1)
})
