import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Review, Verdict } from '../../review.ts'
import * as reviews from '../../store/reviews.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, PEER, testGrants } from '../../testing.ts'
import { issueOperatorGrant } from '../grants/issue-operator-grant.ts'
import { listGrants } from '../grants/list-grants.ts'
import { noteHolders, notePeer } from './note-peer.ts'
import { settleReview } from './settle-review.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const after = (ms: number) => new Date(NOW.getTime() + ms)
const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const ring = (peerId = PEER) => act((tx) => notePeer(tx, NOW, { peerId, correlationId: 'c', traceparent: '' }))
const claim = (now = NOW, limit = 16) =>
  act((tx) => reviews.claimDue(tx, now, { until: new Date(now.getTime() + 6_000), limit }))
const settle = (review: Review, verdict: Verdict, now = NOW) => act((tx) => settleReview(tx, now, { review, verdict }))
const nextDue = () => act((tx) => reviews.nextDueAt(tx))
const statuses = async () =>
  (await act((tx) => listGrants(tx, NOW, { peerId: '', last: undefined, limit: 100 }))).grants.map(
    ({ peerId, revocationReason, revokedAt }) => [peerId, revokedAt !== undefined, revocationReason],
  )
const claimOne = async (now = NOW) => {
  const [review] = await claim(now)
  if (!review) throw new Error('nothing is due')
  return review
}

test('a note alone grants and ends nothing', async () => {
  await ring()
  expect(await statuses()).toEqual([])
  expect(await act(announced)).toEqual([])
})

test('a peer that is entitled gets its grant, and the note goes', async () => {
  await ring()
  await settle(await claimOne(), { word: 'entitled' })
  expect(await statuses()).toEqual([[PEER, false, '']])
  expect(await nextDue()).toBeUndefined()
})

test('a peer that is nothing to us leaves nothing behind', async () => {
  await ring()
  await settle(await claimOne(), { word: 'nothing' })
  expect([await statuses(), await nextDue()]).toEqual([[], undefined])
})

test('a peer that is over loses its grants, for the reason that the registry has', async () => {
  await act((tx) => issueOperatorGrant(tx, NOW, { peerId: PEER, cause: CAUSE }))
  await ring()
  await settle(await claimOne(), { word: 'over', reason: 'sold' })
  expect(await statuses()).toEqual([[PEER, true, 'the peer was revoked: sold']])
})

test('an old answer that comes after the revocation gives nothing', async () => {
  await ring()
  const slow = await claimOne()
  await ring()
  await settle(await claimOne(), { word: 'over', reason: '' })
  await settle(slow, { word: 'entitled' })
  expect(await statuses()).toEqual([])
})

test('who rings while the registry is asked is not lost with the answer', async () => {
  await ring()
  const review = await claimOne()
  await ring()
  await settle(review, { word: 'nothing' })
  expect(await nextDue()).toEqual(NOW)
  const again = await claimOne()
  await ring()
  await act((tx) => reviews.postpone(tx, again, after(5_000)))
  expect(await nextDue()).toEqual(NOW)
})

test('a suspended child is looked at again a minute later', async () => {
  await ring()
  await settle(await claimOne(), { word: 'later' })
  expect(await claim(after(59_999))).toEqual([])
  await settle(await claimOne(after(60_000)), { word: 'entitled' })
  expect(await statuses()).toEqual([[PEER, false, '']])
})

test('several replicas share the notes, and what one that died had taken comes back', async () => {
  const peers = Array.from({ length: 30 }, (_, n) => `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`)
  for (const peerId of peers) await ring(peerId)
  const taken = (await Promise.all([claim(NOW, 10), claim(NOW, 10), claim(NOW, 10)])).flat()
  expect(new Set(taken.map(({ peerId }) => peerId)).size).toBe(taken.length)
  const rest = await claim(NOW, 30)
  expect([...taken, ...rest].map(({ peerId }) => peerId).toSorted()).toEqual(peers)
  expect(await claim(after(5_999), 30)).toEqual([])
  expect(await claim(after(6_000), 30)).toHaveLength(30)
})

test('the sweep has every holder of a live grant looked at, and nobody else', async () => {
  const over = '019f0000-0000-7000-8000-00000000cafe'
  await act((tx) => issueOperatorGrant(tx, NOW, { peerId: PEER, cause: CAUSE }))
  await act((tx) => issueOperatorGrant(tx, NOW, { peerId: over, cause: CAUSE }))
  await ring(over)
  await settle(await claimOne(), { word: 'over', reason: '' })
  expect([await act((tx) => noteHolders(tx, NOW)), await act((tx) => noteHolders(tx, NOW))]).toEqual([1, 0])
  expect((await claim()).map(({ peerId }) => peerId)).toEqual([PEER])
  expect(await act((tx) => noteHolders(tx, after(366 * 86_400_000)))).toBe(0)
})
