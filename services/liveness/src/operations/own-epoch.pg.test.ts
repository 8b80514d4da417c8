import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LARGEST_EPOCH } from '../heard-beat.ts'
import type { OwnEpoch } from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { beginEpoch } from './begin-epoch.ts'
import { raiseEpoch } from './raise-epoch.ts'
import { START, aPeer, announced, livenessDatabase } from './testing.ts'

let database: TestDatabase<Tables>
beforeEach(async () => void (database = await livenessDatabase()))
afterEach(() => database.drop())

const { peerId } = aPeer()
const begin = () => inTransaction(database.db, (tx) => beginEpoch(tx, START))
const raise = (own: OwnEpoch, rememberedEpoch: bigint) =>
  inTransaction(database.db, (tx) => raiseEpoch(tx, START, { peerId, rememberedEpoch, own }))

test('each start has an epoch and an incarnation of its own, also when twenty start at once', async () => {
  const begun = await Promise.all([...Array(20)].map(begin))
  const epochs = begun.map(({ epoch }) => Number(epoch)).toSorted((a, b) => a - b)
  expect(epochs).toEqual([...Array(20)].map((_, index) => index + 1))
  expect(new Set(begun.map(({ incarnation }) => incarnation.toString('hex'))).size).toBe(20)
})

test('a peer that remembers more takes us past it, once, and that is news', async () => {
  const own = await begin()
  const raised = await raise(own, 7n)
  expect(raised?.epoch).toBe(8n)
  expect(raised?.incarnation).not.toEqual(own.incarnation)
  expect(await raise(own, 7n)).toBeUndefined()
  expect((await begin()).epoch).toBe(9n)
  expect(await announced(database.db)).toMatchObject([
    {
      subject: `fed.liveness.epoch_raised.${peerId}`,
      kind: 'federation.platform.restored',
      severity: 'HIGH',
      payload: { previousEpoch: 1n, rememberedEpoch: 7n, epoch: 8n, peerId },
    },
  ])
})

test('a number that no platform reaches is not believed', async () => {
  const own = await begin()
  expect(await raise(own, LARGEST_EPOCH)).toBeUndefined()
  expect(await raise(own, LARGEST_EPOCH - 2n), 'the next start would be the last that has a number').toBeUndefined()
  expect(await announced(database.db)).toEqual([])
})

test('what a peer remembers less than we do, though it gave us more than we know, takes us past our own epoch', async () => {
  await begin()
  const own = await begin()
  expect(await raise(own, 1n)).toMatchObject({ epoch: 3n })
  expect(await announced(database.db)).toMatchObject([
    { kind: 'federation.platform.restored', payload: { previousEpoch: 2n, rememberedEpoch: 1n, epoch: 3n } },
  ])
})

test('a leader that has been followed by another tells of nothing: what is remembered of the other is no backup', async () => {
  const before = await begin()
  const { epoch } = await begin()
  expect(await raise(before, epoch)).toBeUndefined()
  expect(await announced(database.db)).toEqual([])
})
