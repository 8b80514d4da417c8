import { until } from '@powernode/events/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fixtureDatabase, put, startReader, startReplica } from './testing/fixture.ts'

let database: Awaited<ReturnType<typeof fixtureDatabase>>
const stops: (() => Promise<void>)[] = []
beforeEach(async () => {
  database = await fixtureDatabase()
})
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
  await database.drop()
})
const ends = <Thing extends { stop(): Promise<void> }>(thing: Thing): Thing => {
  stops.push(() => thing.stop())
  return thing
}

test('a reader is told everything, then every change, and may act on it while it is vouched for', async () => {
  await put(database.db, 'a', 1)
  const replica = ends(startReplica(database))
  const reader = ends(startReader(replica))
  await until(() => reader.allowed('a') === 1)
  await put(database.db, 'a', 2)
  await until(() => reader.allowed('a') === 2)
  await put(database.db, 'a', undefined)
  await until(() => reader.follower.fresh && !reader.held.has('a'))
})

test('what has been enforced, no reader of any replica allows', async () => {
  await put(database.db, 'a', 1)
  const replicas = [ends(startReplica(database)), ends(startReplica(database))] as const
  const readers = [0, 1, 0, 1].map((at) => ends(startReader(replicas[at]!)))
  await until(() => readers.every((reader) => reader.allowed('a') === 1))
  for (let round = 0; round < 20; round++) {
    const gone = await put(database.db, 'a', undefined)
    const { by } = await replicas[round % 2]!.feed.enforced(gone)
    expect(readers.map((reader) => reader.allowed('a'))).toEqual([undefined, undefined, undefined, undefined])
    expect(by).toBe('acknowledged')
    await put(database.db, 'a', 1)
    await until(() => readers.every((reader) => reader.allowed('a') === 1))
  }
})
