import { SealingKey } from '@powernode/identity'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { parseBearer, matches } from '@powernode/policy'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SEALED } from '../../bearer-seal.ts'
import type { Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import * as received from '../../store/received-grants.ts'
import { lockAll } from '../../store/sealed-bearers.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, PEER, testGrants } from '../../testing.ts'
import { after, DAY_MS, give, idOf, SEALING, WANTED } from '../../testing/grants.ts'
import { resealBearers } from '../received/reseal-bearers.ts'
import { archiveGrants } from './archive-grants.ts'
import { closeExpired } from './close-expired.ts'
import { createGrant } from './create-grant.ts'
import { endPeer } from './end-peer.ts'
import { listGrants } from './list-grants.ts'
import { remindGrants } from './remind-grants.ts'
import { renewGrant } from './renew-grant.ts'
import { revokeGrant } from './revoke-grant.ts'
import { revokeGrants } from './revoke-grants.ts'
import { updateGrant } from './update-grant.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const OTHER = '019f0000-0000-7000-8000-00000000cafe'
const BOB = { ...CAUSE, actor: 'operator/bob' }
const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const gives = (change: Parameters<typeof give>[1] = {}, now = NOW) => act((tx) => give(tx, change, now))
const revokes = (grant: Grant, now = NOW) =>
  act((tx) => revokeGrant(tx, now, { grantId: grant.id, reason: 'no more', cause: BOB }))
const renews = (grant: Grant, ttlMs: number | undefined, now = NOW) =>
  act((tx) => renewGrant(tx, now, { grantId: grant.id, ttlMs, cause: BOB }))
const ALL = { peerId: '', resourceKind: '', statuses: [], last: undefined, limit: 100 } as const
const all = async (now = NOW) => (await act((tx) => listGrants(tx, now, ALL))).grants
const news = () => act(announced)
const owed = async () => {
  const { rows } = await sql<{ what: string; sealed: boolean }>`
    select what, sealed_bearer is not null as sealed from grant_notice order by grant_id`.execute(database.db)
  return rows.map(({ what, sealed }) => (sealed ? `${what} with bearer` : what))
}

test('a grant is given, and the bearer is the one whose digest is kept', async () => {
  const { grant, bearer } = await act((tx) => createGrant(tx, NOW, WANTED))
  const { grantId, secret } = parseBearer(bearer)!
  expect(grantId).toBe(grant.id)
  expect(matches(secret, grant.secretSha256)).toBe(true)
  expect(await all()).toEqual([grant])
  expect([await news(), await owed()]).toEqual([['grant.issued'], []])
})

test('what is delivered waits sealed for just this grant, and is nothing to another', async () => {
  const { grant, bearer } = await act((tx) => createGrant(tx, NOW, { ...WANTED, deliver: true }))
  const [notice] = await act((tx) => notices.claimDue(tx, NOW, { until: after(1), limit: 9 }))
  expect(SEALING.open(notice!.sealedBearer!, SEALED.issued(grant.id)).toString()).toBe(bearer)
  expect(() => SEALING.open(notice!.sealedBearer!, SEALED.issued(OTHER))).toThrow(/sealed value/)
})

test('bearers that wait, and those that peers gave, are sealed under a new sealing key; what opens with neither is left', async () => {
  const { grant, bearer } = await act((tx) => createGrant(tx, NOW, { ...WANTED, deliver: true }))
  const given = (sealedBearer: Buffer, grantId: string) => ({ peerId: PEER, grantId, remoteSubject: '', resourceKind: 'skill', resourceId: '', scopes: ['read'] as const, issuedAt: NOW, expiresAt: after(DAY_MS), revokedAt: null, revocationReason: '', remindedAt: null, revision: 1, sealedBearer, receivedAt: NOW, lastChangedAt: NOW }) // prettier-ignore
  await act((tx) => received.put(tx, given(SEALING.seal(Buffer.from('theirs'), SEALED.received(PEER, OTHER)), OTHER)))
  const strange = new SealingKey(Buffer.alloc(32, 9)).seal(Buffer.from('x'), SEALED.received(PEER, grant.id))
  await act((tx) => received.put(tx, given(strange, grant.id)))
  const anew = new SealingKey(Buffer.alloc(32, 8), Buffer.alloc(32, 7))
  expect(await act((tx) => resealBearers(tx, anew))).toMatchObject({ resealed: 2, lost: 1 })
  const open = async (context: string) => {
    const kept = (await act(lockAll)).find((one) => one.context === context)?.sealed ?? Buffer.alloc(0)
    expect(() => SEALING.open(kept, context)).toThrow(/does not hold/)
    return anew.open(kept, context).toString()
  }
  expect(await open(SEALED.issued(grant.id))).toBe(bearer)
  expect(await open(SEALED.received(PEER, OTHER))).toBe('theirs')
  expect(await act((tx) => resealBearers(tx, anew)), 'once is enough').toMatchObject({ resealed: 0, lost: 1 })
})

test('without a word on it a grant lasts thirty days, and the one for parents a year', async () => {
  expect((await gives({ ttlMs: undefined })).expiresAt).toEqual(after(30 * DAY_MS))
  const forParents = await gives({ ttlMs: undefined, resourceKind: 'managed_child_operator' })
  expect(forParents.expiresAt).toEqual(after(365 * DAY_MS))
})

test('twenty who give the same at once: one does, and the others are told which it is', async () => {
  const given = await Promise.allSettled(Array.from({ length: 20 }, () => gives()))
  const [live] = await all()
  expect(given.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const one of given)
    if (one.status === 'rejected')
      expect(one.reason).toMatchObject({ reason: 'GRANT_EXISTS', metadata: { grant_id: live?.id } })
  expect([(await all()).length, await news()]).toEqual([1, ['grant.issued']])
})

test('O-16: after a revocation the same is given again, as another grant with another secret', async () => {
  const first = await gives()
  await revokes(first)
  const second = await gives()
  expect(second.id).not.toBe(first.id)
  expect(second.secretSha256).not.toEqual(first.secretSha256)
})

test('what expired unnoticed makes room, and is over for good', async () => {
  const first = await gives({ ttlMs: 60_000 })
  await expectRefusal(gives({}, after(59_999)), 'GRANT_EXISTS')
  await gives({}, after(60_000))
  // A replica whose clock is behind believes the first to live.
  await expectRefusal(renews(first, DAY_MS), 'GRANT_OVER')
})

test('another subject, kind or resource is another grant', async () => {
  await gives()
  await gives({ remoteSubject: 'bob@b' })
  await gives({ resourceKind: 'network' })
  await gives({ resourceId: 'm1' })
  await gives({ resourceId: 'M1' })
  expect(await all()).toHaveLength(5)
})

test('a grant is changed in place: same bearer, higher revision, and both sides hear what is different', async () => {
  const grant = await gives({ scopes: ['read', 'write'] })
  const said = { grantId: grant.id, changes: { scopes: ['read'] }, ifRevision: 1, cause: BOB } as const
  const changed = await act((tx) => updateGrant(tx, after(5), said))
  expect(changed).toEqual({
    grant: { ...grant, scopes: ['read'], revision: 2, lastChangedAt: after(5) },
    changed: ['scopes'],
  })
  expect([await news(), await owed()]).toEqual([['grant.issued', 'grant.changed'], ['changed']])
  await expectRefusal(
    act((tx) => updateGrant(tx, NOW, said)),
    'GRANT_CHANGED_MEANWHILE',
  )
  expect(await act((tx) => updateGrant(tx, NOW, { ...said, ifRevision: 0 }))).toMatchObject({ changed: [] })
  expect(await news()).toHaveLength(2)
})

test('a renewal lasts as long as the grant was issued for, under the same bearer', async () => {
  const grant = await gives({ ttlMs: DAY_MS })
  const renewed = await renews(grant, undefined, after(DAY_MS / 2))
  expect(renewed).toMatchObject({ expiresAt: after(1.5 * DAY_MS), ttlMs: DAY_MS, revision: 2 })
  expect(renewed.secretSha256).toEqual(grant.secretSha256)
  expect([await news(), await owed()]).toEqual([['grant.issued', 'grant.renewed'], ['renewed']])
})

test('a revocation says who and why, is for good, and repeated changes and announces nothing', async () => {
  const grant = await gives()
  const revoked = await revokes(grant, after(1))
  expect(revoked).toMatchObject({
    revokedAt: after(1),
    revokedBy: 'operator/bob',
    revocationReason: 'no more',
    revision: 2,
  })
  expect(await revokes(grant, after(9))).toEqual(revoked)
  expect([await news(), await owed()]).toEqual([['grant.issued', 'grant.revoked'], ['revoked']])
  await expectRefusal(renews(grant, DAY_MS), 'GRANT_OVER')
})

test('what is not there is not found', async () => {
  const nobody = { id: OTHER } as Grant
  await expectRefusal(revokes(nobody), 'GRANT_NOT_FOUND')
  await expectRefusal(renews(nobody, undefined), 'GRANT_NOT_FOUND')
})

test('two revocations at once: one revokes, the other finds it done, and there is one event', async () => {
  const grant = await gives()
  const both = await Promise.all([revokes(grant, after(1)), revokes(grant, after(2))])
  expect(both[0]).toEqual(both[1])
  expect(await news()).toEqual(['grant.issued', 'grant.revoked'])
})

test('of a renewal and a revocation at once the revocation stands, in whichever order they come', async () => {
  for (let n = 0; n < 20; n++) {
    const grant = await gives({ peerId: idOf(n) })
    const race = n % 2 ? [renews(grant, 40 * DAY_MS), revokes(grant)] : [revokes(grant), renews(grant, 40 * DAY_MS)]
    const [one, other] = await Promise.allSettled(race)
    const renewal = n % 2 ? one : other
    if (renewal?.status === 'rejected') expect(renewal.reason).toMatchObject({ reason: 'GRANT_OVER' })
  }
  expect((await all()).every(({ revokedAt }) => revokedAt)).toBe(true)
})

test('many are revoked at once: of a peer, of a kind, issued before a moment, in batches', async () => {
  for (const n of [1, 2, 3]) await gives({ remoteSubject: `s${n}@b` }, after(n))
  await gives({ resourceKind: 'network' })
  await gives({ peerId: OTHER })
  const many = (chosen: grants.Chosen, limit = 100) =>
    act((tx) => revokeGrants(tx, after(9), { chosen, limit, reason: '', cause: BOB }))
  expect(await many({ peerId: PEER, resourceKind: 'NodeModule', issuedBefore: after(2) })).toHaveLength(1)
  expect(await act((tx) => grants.countUnrevoked(tx, { peerId: PEER }))).toBe(3)
  expect(await many({ peerId: PEER }, 2)).toHaveLength(2)
  expect(await many({ peerId: PEER }, 2)).toHaveLength(1)
  expect((await all()).filter(({ revokedAt }) => !revokedAt).map(({ peerId }) => peerId)).toEqual([OTHER])
})

test('two who revoke the same many at once do not wait for each other in a circle', async () => {
  for (let n = 0; n < 30; n++) await gives({ remoteSubject: `s${n}@b` })
  const many = () => act((tx) => revokeGrants(tx, NOW, { chosen: { peerId: PEER }, limit: 99, reason: '', cause: BOB }))
  const revoked = await Promise.all([many(), many(), many()])
  expect(revoked.flat()).toHaveLength(30)
})

test('a peer that is over loses its grants and bridges, is given no other, and is told nothing more', async () => {
  await gives({ deliver: true })
  await gives({ peerId: OTHER })
  await act((tx) => endPeer(tx, after(1), { peerId: PEER, reason: 'sold', cause: CAUSE }))
  const reasons = new Map((await all()).map(({ peerId, revocationReason }) => [peerId, revocationReason]))
  expect([reasons.get(PEER), reasons.get(OTHER)]).toEqual(['sold', ''])
  expect(await owed()).toEqual([])
  await expectRefusal(gives({ remoteSubject: 'x@b' }), 'PEER_REVOKED')
  expect(await act((tx) => endPeer(tx, after(2), { peerId: PEER, reason: 'again', cause: CAUSE }))).toEqual([])
})

test('a grant and the end of its peer that come together leave no live grant', async () => {
  const end = (peerId: string) => act((tx) => endPeer(tx, NOW, { peerId, reason: 'over', cause: CAUSE }))
  for (let n = 0; n < 20; n++) {
    const peerId = idOf(n)
    await Promise.allSettled(n % 2 ? [gives({ peerId }), end(peerId)] : [end(peerId), gives({ peerId })])
  }
  expect((await all()).filter(({ revokedAt }) => !revokedAt)).toEqual([])
})

test('both sides are reminded once of a grant that ends soon, and again after a renewal', async () => {
  const grant = await gives({ ttlMs: 30 * DAY_MS })
  const remind = (ms: number) => act((tx) => remindGrants(tx, after(ms), 100))
  expect(await remind(23 * DAY_MS - 1)).toBe(0)
  expect(await remind(23 * DAY_MS)).toBe(1)
  expect(await remind(24 * DAY_MS)).toBe(0)
  expect([await news(), await owed()]).toEqual([['grant.issued', 'grant.expiring'], ['expiring']])
  await renews(grant, undefined, after(24 * DAY_MS))
  expect([await remind(46 * DAY_MS), await remind(47 * DAY_MS)]).toEqual([0, 1])
})

test('a grant for an hour is reminded of in its last quarter, not as soon as it begins', async () => {
  await gives({ ttlMs: 3_600_000 })
  const remind = (ms: number) => act((tx) => remindGrants(tx, after(ms), 100))
  expect([await remind(2_699_999), await remind(2_700_000), await remind(3_600_000)]).toEqual([0, 1, 0])
})

test('ninety days after its end a grant is archived, revoked or expired, and not before', async () => {
  const revoked = await gives()
  await gives({ remoteSubject: 'short@b', ttlMs: DAY_MS })
  await gives({ remoteSubject: 'long@b', ttlMs: 365 * DAY_MS })
  await revokes(revoked)
  const sweep = async (ms: number) => [
    await act((tx) => closeExpired(tx, after(ms), 100)),
    await act((tx) => archiveGrants(tx, after(ms), 100)),
  ]
  expect(await sweep(DAY_MS - 1)).toEqual([0, 0])
  expect(await sweep(DAY_MS)).toEqual([1, 0])
  expect(await sweep(90 * DAY_MS - 1)).toEqual([0, 0])
  expect(await sweep(90 * DAY_MS)).toEqual([0, 1])
  expect(await sweep(91 * DAY_MS)).toEqual([0, 1])
  const later = after(91 * DAY_MS)
  const statuses = (wanted: readonly string[]) =>
    act(async (tx) => (await listGrants(tx, later, { ...ALL, statuses: wanted })).grants.length)
  expect([await statuses(['archived']), await statuses(['active']), await statuses(['expired', 'revoked'])]).toEqual([
    2, 1, 0,
  ])
})

test('grants are listed in pages, by peer, kind and status', async () => {
  const peers = Array.from({ length: 7 }, (_, n) => idOf(n))
  for (const peerId of peers) await gives({ peerId })
  const seen: string[] = []
  for (let last: string | undefined; ;) {
    const page = await act((tx) => listGrants(tx, NOW, { ...ALL, last, limit: 3 }))
    seen.push(...page.grants.map(({ peerId }) => peerId))
    if (!page.next) break
    last = page.next
  }
  expect(seen.toSorted()).toEqual(peers)
  const count = async (wanted: object) => (await act((tx) => listGrants(tx, NOW, { ...ALL, ...wanted }))).grants.length
  expect([
    await count({ peerId: peers[3] }),
    await count({ resourceKind: 'network' }),
    await count({ statuses: ['active'] }),
  ]).toEqual([1, 0, 7])
})

test.each([
  ['revoked grants', `update federation_grant set revoked_at = null, revoked_by = ''`],
  ['who revoked them', `update federation_grant set revoked_by = 'operator/mallory' where revoked_at is not null`],
  ['that they ended', `update federation_grant set ended_at = null, revoked_at = null, revoked_by = ''`],
  ['the scopes of what is over', `update federation_grant set scopes = '{migrate}' where ended_at is not null`],
  ['the peer', `update federation_grant set peer_id = '${PEER}' where peer_id <> '${PEER}'`],
  ['the secret', `update federation_grant set secret_sha256 = sha256('guess')`],
  ['the kind', `update federation_grant set resource_kind = 'network'`],
  ['the end, without a renewal', `update federation_grant set expires_at = expires_at + interval '1 year'`],
  ['the end, nearer', `update federation_grant set expires_at = expires_at - interval '1 day', renewed_at = issued_at`],
  [
    'the end, after it has come',
    `update federation_grant set expires_at = expires_at + interval '1 day', renewed_at = expires_at`,
  ],
  ['that a peer is over', `update peer set revoked_at = null where revoked_at is not null`],
])('what was decided is not undone, by the owner neither: %s', async (_what, change) => {
  await revokes(await gives())
  await gives({ peerId: OTHER })
  await act((tx) => endPeer(tx, NOW, { peerId: idOf(1), reason: '', cause: CAUSE }))
  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
  await expect(sql.raw(change).execute(owner)).rejects.toMatchObject({ code: '23514' })
  await owner.destroy()
})

test('what is archived stays as it is', async () => {
  await revokes(await gives())
  await act((tx) => archiveGrants(tx, after(90 * DAY_MS), 9))
  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
  for (const change of ['archived_at = null', `metadata = '{"a":1}'`])
    await expect(sql.raw(`update federation_grant set ${change}`).execute(owner)).rejects.toMatchObject({
      code: '23514',
    })
  await owner.destroy()
})

test.each([
  `delete from federation_grant`,
  `truncate peer cascade`,
  `delete from network_bridge`,
  `delete from grant_settings`,
])('the service cannot: %s', async (change) => {
  await expect(sql.raw(change).execute(database.db)).rejects.toMatchObject({ code: '42501' })
})

test.each([
  ['no scopes', { scopes: [] }, /grant_scopes_known/],
  ['a scope twice', { scopes: ['read', 'read'] as const }, /grant_scopes_known/],
  ['* beside others', { nodeInstanceIds: ['*', 'x'] }, /grant_axes_sound/],
  ['a value twice', { sdwanNetworkIds: ['x', 'x'] }, /grant_axes_sound/],
  ['host bits', { sourceCidrs: ['192.0.2.1/24'] }, /grant_cidrs_canonical/],
  ['a range without its length', { sourceCidrs: ['192.0.2.1'] }, /grant_cidrs_canonical/],
  ['no range', { sourceCidrs: ['office'] }, /grant_cidrs_canonical/],
  ['an identity that is none', { boundIdentities: ['CN=b'] }, /grant_identities_sound/],
  ['less than a minute', { expiresAt: after(59_999) }, /grant_lasts_a_minute/],
  ['a secret that is no digest', { secretSha256: Buffer.from('secret') }, /secret_sha256/],
  ['metadata that is too large', { metadata: { a: 'x'.repeat(20_000) } }, /16,384 bytes at most/],
  ['a life longer than the platform allows', { ttlMs: 400 * DAY_MS }, /longer than the platform allows/],
] as const)('the table refuses what the code forbids: %s', async (_what, change, why) => {
  const grant = await gives()
  const add = (more: object) =>
    act((tx) => grants.add(tx, { ...grant, id: crypto.randomUUID(), remoteSubject: 'x', ...more }))
  await expect(add(change)).rejects.toThrow(why)
  await add({})
})
