import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { parseBearer, matches } from '@powernode/policy'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SEALED } from '../../bearer-seal.ts'
import { statusAt, type Scope } from '../../grant.ts'
import type { Relationship, Review, Verdict } from '../../review.ts'
import * as capabilities from '../../store/capabilities.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import * as reviews from '../../store/reviews.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, PEER, testGrants } from '../../testing.ts'
import { after, DAY_MS, give, idOf, SEALING } from '../../testing/grants.ts'
import { removeCapability } from '../capabilities/set-capability.ts'
import { listGrants } from '../grants/list-grants.ts'
import { revokeGrant } from '../grants/revoke-grant.ts'
import { updateGrant } from '../grants/update-grant.ts'
import { setSettings } from '../settings/set-settings.ts'
import { noteKnown, notePeer } from './note-peer.ts'
import { settleReview } from './settle-review.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const PARENT: Relationship = { mode: 'managed_child', role: 'child' }
const CHILD: Relationship = { mode: 'managed_child', role: 'parent' }
const EQUAL: Relationship = { mode: 'autonomous_peer', role: 'child' }
const related = (relationship: Relationship, suspended = false): Verdict => ({
  word: 'related',
  relationship,
  suspended,
})

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const ring = (peerId = PEER) => act((tx) => notePeer(tx, NOW, { peerId, correlationId: 'c', traceparent: '' }))
const claim = (now = NOW, limit = 16) =>
  act((tx) => reviews.claimDue(tx, now, { until: new Date(now.getTime() + 6_000), limit }))
const settle = (review: Review, verdict: Verdict, now = NOW) =>
  act((tx) => settleReview(tx, now, { review, verdict, sealing: SEALING }))
const nextDue = () => act((tx) => reviews.nextDueAt(tx))
const claimOne = async (now = NOW) => {
  const [review] = await claim(now)
  if (!review) throw new Error('nothing is due')
  return review
}
/** A look at the peer, from the ring to what follows. */
const look = async (verdict: Verdict, now = NOW) => {
  await ring()
  await settle(await claimOne(now), verdict, now)
}
const held = async () =>
  (await act((tx) => listGrants(tx, NOW, { peerId: '', resourceKind: '', statuses: [], last: undefined, limit: 99 })))
    .grants
const standing = async (now = NOW) => (await held()).map((grant) => `${statusAt(grant, now)} ${grant.scopes.join('+')}`)
const ways = async () =>
  (await act((tx) => capabilities.list(tx, PEER, 99))).map(
    ({ resourceKind, direction }) => `${resourceKind} ${direction.slice(0, 4)}`,
  )
const news = async () => (await act(announced)).filter((word) => word.startsWith('grant.'))
const tighten = (operatorGrant: boolean, operatorGrantScopes: readonly Scope[]) =>
  act(async (tx) => setSettings(tx, NOW, { ...(await settings.read(tx)), operatorGrant, operatorGrantScopes }))

test('a note alone grants and ends nothing', async () => {
  await ring()
  expect([await standing(), await news()]).toEqual([[], []])
})

test('the operators of our parent are given their grant, and the bearer is on its way to them', async () => {
  await look(related(PARENT))
  const [grant] = await held()
  expect(grant).toMatchObject({
    remoteSubject: `parent-operator@${PEER}`,
    resourceKind: 'managed_child_operator',
    resourceId: '',
    scopes: ['read', 'write', 'admin'],
    nodeInstanceIds: ['*'],
    sdwanNetworkIds: ['*'],
    sourceCidrs: ['*'],
    issuedBy: 'service/grant-authz',
    expiresAt: after(365 * DAY_MS),
    metadata: { auto_issued_by: 'service/grant-authz', spawn_mode: 'managed_child', spawn_role: 'child' },
  })
  const [notice] = await act((tx) => notices.claimDue(tx, NOW, { until: after(1), limit: 9 }))
  const bearer = SEALING.open(notice!.sealedBearer!, SEALED.issued(grant!.id)).toString()
  expect(matches(parseBearer(bearer)!.secret, grant!.secretSha256)).toBe(true)
  expect([await news(), await nextDue()]).toEqual([['grant.issued'], undefined])
})

test('a child of ours is given no grant by us: its operators do not act here', async () => {
  await look(related(CHILD))
  expect([await standing(), await ways()]).toEqual([
    [],
    ['NodeModule push', 'platform_deployment pull', 'service_offering push'],
  ])
})

test('an equal is given nothing', async () => {
  await look(related(EQUAL))
  expect([await standing(), await ways()]).toEqual([[], []])
})

test('looked at again and again, there is one grant and one event, also of twenty looks at once', async () => {
  await look(related(PARENT))
  const review = { peerId: PEER, attempts: 0, rings: 0, correlationId: '', traceparent: '' }
  await Promise.all(Array.from({ length: 20 }, () => settle(review, related(PARENT))))
  expect([await standing(), await news()]).toEqual([['active read+write+admin'], ['grant.issued']])
})

test('what an operator revoked is not given again, whatever the settings say later', async () => {
  await look(related(PARENT))
  const [grant] = await held()
  await act((tx) => revokeGrant(tx, NOW, { grantId: grant!.id, reason: '', cause: CAUSE }))
  await look(related(PARENT))
  await tighten(false, ['read'])
  await look(related(PARENT))
  await tighten(true, ['read'])
  await look(related(PARENT))
  expect(await standing()).toEqual(['revoked read+write+admin'])
})

test('an emancipated child takes the grant back, and a child that is adopted again gives another', async () => {
  await look(related(PARENT))
  await look(related(EQUAL))
  expect([await standing(), await ways()]).toEqual([['revoked read+write+admin'], []])
  expect((await held())[0]).toMatchObject({ revokedBy: 'service/grant-authz' })
  await look(related(PARENT))
  expect((await standing()).toSorted()).toEqual(['active read+write+admin', 'revoked read+write+admin'])
})

test('a new relationship begins anew: what an operator had revoked in the old one is given in the new', async () => {
  await look(related(PARENT))
  const [grant] = await held()
  await act((tx) => revokeGrant(tx, NOW, { grantId: grant!.id, reason: '', cause: CAUSE }))
  await look(related(EQUAL))
  await look(related(PARENT))
  expect((await standing()).toSorted()).toEqual(['active read+write+admin', 'revoked read+write+admin'])
})

test('the settings tighten what was given already, in place, and can have it taken back and given again', async () => {
  await look(related(PARENT))
  await tighten(true, ['read', 'write'])
  await settle(await claimOne(), related(PARENT)) // setting them has every peer looked at
  expect(await standing()).toEqual(['active read+write'])
  await tighten(false, ['read'])
  await look(related(PARENT))
  expect(await standing()).toEqual(['revoked read+write'])
  await tighten(true, ['read'])
  await look(related(PARENT))
  expect((await standing()).toSorted()).toEqual(['active read', 'revoked read+write'])
})

test('what an operator narrowed stays narrow', async () => {
  await look(related(PARENT))
  const [grant] = await held()
  const changes = { scopes: ['read'] } as const
  await act((tx) => updateGrant(tx, NOW, { grantId: grant!.id, changes, ifRevision: 0, cause: CAUSE }))
  await look(related(PARENT))
  expect(await standing()).toEqual(['active read'])
})

test('the grant is prolonged under the same bearer before it ends, and missing because it ended it is given anew', async () => {
  await look(related(PARENT))
  await look(related(PARENT), after(273 * DAY_MS))
  expect((await held())[0]).toMatchObject({ expiresAt: after(365 * DAY_MS), revision: 1 })
  await look(related(PARENT), after(274 * DAY_MS))
  expect((await held())[0]).toMatchObject({ expiresAt: after((274 + 365) * DAY_MS), revision: 2 })
  await look(related(PARENT), after(2_000 * DAY_MS))
  expect((await standing(after(2_000 * DAY_MS))).toSorted()).toEqual([
    'active read+write+admin',
    'expired read+write+admin',
  ])
})

test('a grant that an operator gave for the same by hand is left alone', async () => {
  const said = { remoteSubject: `parent-operator@${PEER}`, resourceKind: 'managed_child_operator' }
  const given = await act((tx) => give(tx, said))
  await look(related(PARENT))
  await look(related(EQUAL))
  expect(await held()).toEqual([given])
})

test('what an operator gave by hand and took away again is not given by us either', async () => {
  const said = { remoteSubject: `parent-operator@${PEER}`, resourceKind: 'managed_child_operator' }
  const given = await act((tx) => give(tx, said))
  await look(related(PARENT))
  await act((tx) => revokeGrant(tx, NOW, { grantId: given.id, reason: '', cause: CAUSE }))
  await look(related(PARENT))
  await look(related(PARENT))
  expect(await standing()).toEqual(['revoked read'])
  await look(related(EQUAL))
  await look(related(PARENT))
  expect((await standing()).toSorted()).toEqual(['active read+write+admin', 'revoked read'])
})

test('a suspended parent is given nothing and loses nothing, and one that is no parent any more loses', async () => {
  await look(related(PARENT, true))
  expect(await standing()).toEqual([])
  await settle(await claimOne(after(60_000)), related(PARENT), after(60_000))
  await look(related(PARENT, true), after(60_000))
  expect(await standing()).toEqual(['active read+write+admin'])
  await look(related(EQUAL, true), after(120_000))
  expect(await standing()).toEqual(['revoked read+write+admin'])
})

test('a suspended peer is looked at again a minute later', async () => {
  await look(related(PARENT, true))
  expect(await claim(after(59_999))).toEqual([])
  expect(await claim(after(60_000))).toHaveLength(1)
})

test('how things travel by default is set once: what an operator changed or removed stays', async () => {
  await look(related(PARENT))
  expect(await ways()).toEqual(['NodeModule pull', 'platform_deployment push', 'service_offering pull'])
  const [first, second] = await act((tx) => capabilities.list(tx, PEER, 99))
  await act((tx) => removeCapability(tx, NOW, { capability: first!, cause: CAUSE }))
  await act((tx) => capabilities.put(tx, { ...second!, policy: 'manual', setBy: 'operator/alice' }))
  await look(related(PARENT))
  const left = await act((tx) => capabilities.list(tx, PEER, 99))
  expect(left.map(({ resourceKind, policy }) => `${resourceKind} ${policy}`)).toEqual([
    'platform_deployment manual',
    'service_offering auto_on_change',
  ])
  await look(related(EQUAL))
  expect(await ways()).toEqual(['platform_deployment push'])
})

test('a peer that is over loses its grants, for the reason that the registry has', async () => {
  await look(related(PARENT))
  await look({ word: 'over', reason: 'sold' })
  expect((await held()).map(({ revocationReason }) => revocationReason)).toEqual(['the peer was revoked: sold'])
})

test('an old answer that comes after the revocation gives nothing', async () => {
  await ring()
  const slow = await claimOne()
  await ring()
  await settle(await claimOne(), { word: 'over', reason: '' })
  await settle(slow, related(PARENT))
  expect([await standing(), await ways()]).toEqual([[], []])
})

test('a peer that is nothing to us leaves nothing behind', async () => {
  await look({ word: 'nothing' })
  expect([await standing(), await nextDue(), await act((tx) => noteKnown(tx, after(DAY_MS), 9))]).toEqual([
    [],
    undefined,
    0,
  ])
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

test('several replicas share the notes, and what one that died had taken comes back', async () => {
  const peers = Array.from({ length: 30 }, (_, n) => idOf(n))
  for (const peerId of peers) await ring(peerId)
  const taken = (await Promise.all([claim(NOW, 10), claim(NOW, 10), claim(NOW, 10)])).flat()
  expect(new Set(taken.map(({ peerId }) => peerId)).size).toBe(taken.length)
  const rest = await claim(NOW, 30)
  expect([...taken, ...rest].map(({ peerId }) => peerId).toSorted()).toEqual(peers)
  expect(await claim(after(5_999), 30)).toEqual([])
  expect(await claim(after(6_000), 30)).toHaveLength(30)
})

test('every peer that was not looked at for a minute is to be, and none that is over', async () => {
  await look(related(PARENT))
  await act((tx) => give(tx, { peerId: idOf(1) }))
  await act((tx) => give(tx, { peerId: idOf(2) }))
  await ring(idOf(2))
  await settle(await claimOne(), { word: 'over', reason: '' })
  const note = (ms: number) => act((tx) => noteKnown(tx, after(ms), 9))
  expect([await note(59_999), await note(60_000), await note(60_000)]).toEqual([1, 1, 0])
  expect((await claim(after(60_000))).map(({ peerId }) => peerId).toSorted()).toEqual([idOf(1), PEER])
  expect(await act((tx) => grants.countUnrevoked(tx, { peerId: idOf(2) }))).toBe(0)
})
