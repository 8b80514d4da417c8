import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PeerState } from '../announcement.ts'
import * as freshness from '../store/freshness.ts'
import type { Tables } from '../store/tables.ts'
import { forgetPeers } from './forget-peers.ts'
import { reconcilePeers } from './reconcile-peers.ts'
import { recordBeats } from './record-beats.ts'
import { START, aBeat, aPeer, anAnswer, at, livenessDatabase, newsOf } from './testing.ts'

let database: TestDatabase<Tables>
beforeEach(async () => void (database = await livenessDatabase()))
afterEach(() => database.drop())

const peer = aPeer()
const look = (state: PeerState, ms: number, versionStatus = 'compatible') =>
  inTransaction(database.db, (tx) => reconcilePeers(tx, at(ms), [{ ...peer, state, versionStatus }]))
const hear = () =>
  inTransaction(database.db, (tx) =>
    recordBeats(tx, START, [
      { kind: 'heard', peer, beat: aBeat(), description: undefined },
      { kind: 'answered', peer, beat: anAnswer() },
    ]),
  )
const row = async () => (await inTransaction(database.db, (tx) => freshness.find(tx, [peer.peerId]))).get(peer.peerId)

test('a peer that stays enrolled though it is heard is announced again after a while', async () => {
  await hear()
  expect([await look('enrolled', 4_999), await look('enrolled', 5_000), await look('enrolled', 5_001)]).toEqual([
    0, 1, 0,
  ])
  expect([await look('active', 20_000), await look('degraded', 20_000)]).toEqual([0, 1])
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard', 'heard', 'heard'])
})

test('of a peer that its version keeps from being active it is told once that it is heard, and again when it may be', async () => {
  await hear()
  expect([await look('enrolled', 5_000, 'incompatible'), await look('degraded', 20_000, 'incompatible')]).toEqual([
    0, 0,
  ])
  expect(await look('degraded', 20_001, 'compatible')).toBe(1)
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard', 'heard'])
})

test('a peer that is new gets its row, and one that is active without one a deadline', async () => {
  await look('enrolled', 0)
  expect(await row()).toMatchObject({ announced: 'unknown', lastHeardAt: null, staleAfterMs: 300_000 })
  await look('active', 10)
  expect(await row()).toMatchObject({ announced: 'heard', silentAt: at(300_010) })
})

test('a suspended peer is not expected to beat, and may be heard again when it is resumed', async () => {
  await hear()
  await look('suspended', 1_000)
  expect(await row()).toMatchObject({ announced: 'unknown', silentAt: null })
  expect(await look('degraded', 2_000)).toBe(1)
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard', 'heard'])
})

test('a shorter stale limit moves the deadline that stands', async () => {
  await hear()
  await inTransaction(database.db, (tx) =>
    reconcilePeers(tx, at(1), [{ ...peer, state: 'active', staleAfterMs: 10_000, versionStatus: '' }]),
  )
  expect(await row()).toMatchObject({ staleAfterMs: 10_000, silentAt: at(10_000) })
})

test('a peer that is gone stops being expected at once and is forgotten after a while', async () => {
  await hear()
  const forget = (before: number) =>
    inTransaction(database.db, (tx) => forgetPeers(tx, at(1_000), { known: [], before: at(before) }))
  expect(await forget(-1)).toBe(0)
  expect(await row()).toMatchObject({ announced: 'unknown', lastHeardAt: START })
  expect(await forget(0)).toBe(1)
  expect(await row()).toBeUndefined()
})

test('a peer that is still named is never forgotten', async () => {
  await hear()
  await inTransaction(database.db, (tx) => forgetPeers(tx, at(1), { known: [peer.peerId], before: at(1) }))
  expect(await row()).toMatchObject({ announced: 'heard' })
})
