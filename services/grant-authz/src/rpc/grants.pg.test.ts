import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { parseBearer } from '@powernode/policy'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { expectRefusal, refusesEverybodyElse } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Tables } from '../store/tables.ts'
import { announced, NOW, PEER, testGrants } from '../testing.ts'
import { openDoors } from '../testing/grant-doors.ts'
import { after, DAY_MS, everythingKept, idOf } from '../testing/grants.ts'
import { GRANT_CALLERS, POLICY_CALLERS } from './callers.ts'

const SUSPENDED = idOf(0x5)
const REVOKED = idOf(0x6)
const PARENT = idOf(0x7)
const NOBODY = idOf(0x8)
const PEERS = new Map([
  [PEER, {}],
  [SUSPENDED, { state: PeerState.SUSPENDED }],
  [REVOKED, { state: PeerState.REVOKED }],
  [PARENT, { spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.CHILD }],
])

let database: TestDatabase<Tables>
let clock: FakeClock
let peers: Map<string, object>
let doors: ReturnType<typeof openDoors>

beforeEach(async () => {
  database = await testGrants()
  clock = new FakeClock(NOW)
  peers = new Map(PEERS)
  doors = openDoors(database, peers, clock)
})
afterEach(async () => {
  await doors.close()
  await database.drop()
})

const WANTED = { peerId: PEER, resourceKind: 'NodeModule', scopes: ['read'] }
const create = (change: object = {}) => doors.alice.createGrant({ ...WANTED, ...change })
const news = () => inTransaction(database.db, announced)

test('each RPC refuses whoever is not in its row', async () => {
  await refusesEverybodyElse(GrantAuthzService, GRANT_CALLERS, doors.server.clientAs)
  await refusesEverybodyElse(PolicyService, POLICY_CALLERS, doors.server.clientAs)
})

test('a grant is created: the bearer is shown, the defaults are the platform\u2019s, and what lacks is said', async () => {
  const { grant, bearer, openItems } = await create({ sdwanNetworkIds: ['n1'] })
  expect(parseBearer(bearer)?.grantId).toBe(grant?.id)
  expect(grant).toMatchObject({
    remoteSubject: `operator@${PEER}`,
    status: 'active',
    issuedBy: 'operator/alice',
    revision: 1n,
    expiresAt: timestampFromDate(after(30 * DAY_MS)),
  })
  expect(openItems[0]).toContain('network n1 has no active bridge')
  expect((await doors.alice.getGrant({ grantId: grant!.id })).grant).toEqual(grant)
})

test('what nobody serves is said, and granted all the same', async () => {
  expect((await create({ resourceKind: 'Unheard' })).openItems).toEqual([
    'nobody serves Unheard at this moment; which kinds there are: fedctl resource kinds',
  ])
})

test('a "*" is no resource, and would match none: who means every one of the kind names none', async () => {
  const refusal = await expectRefusal(create({ resourceId: '*' }), 'REQUEST_INVALID')
  expect(refusal.message).toMatch(/resource_id: takes the id of one resource: say none for every resource of the kind/)
  expect((await create({ resourceId: '*a' })).grant?.resourceId).toBe('*a')
})

test.each([
  ['nobody knows', NOBODY, 'PEER_NOT_FOUND'],
  ['is suspended', SUSPENDED, 'PEER_SUSPENDED'],
  ['is revoked', REVOKED, 'PEER_REVOKED'],
] as const)('a peer that %s is given neither a grant nor a bridge', async (_what, peerId, reason) => {
  await expectRefusal(create({ peerId }), reason)
  await expectRefusal(doors.alice.proposeBridge({ peerId, sdwanNetworkId: 'n1' }), reason)
  expect(await news()).toEqual([])
})

test('a dry run answers as the act would, shows no bearer and keeps nothing', async () => {
  const { grant, bearer } = await create({ dryRun: true })
  expect([grant?.status, bearer]).toEqual(['active', ''])
  await expectRefusal(create({ dryRun: true, ttl: durationFromMs(59_000) }), 'GRANT_TTL_OUT_OF_RANGE')
  expect([(await doors.alice.listGrants({})).grants, await news()]).toEqual([[], []])

  const { grant: real } = await create()
  const id = { grantId: real!.id, dryRun: true }
  expect((await doors.alice.revokeGrant(id)).grant?.status).toBe('revoked')
  expect((await doors.alice.revokeGrant(id)).enforcement).toBeUndefined()
  expect((await doors.alice.updateGrant({ ...id, scopes: { values: ['write'] } })).changed).toEqual(['scopes'])
  expect((await doors.alice.renewGrant({ ...id, ttl: durationFromMs(90 * DAY_MS) })).grant?.revision).toBe(2n)
  expect((await doors.alice.revokeGrants({ peerId: PEER, dryRun: true })).revoked).toBe(1)
  expect((await doors.alice.getGrant({ grantId: real!.id })).grant).toEqual(real)
  expect(await news()).toEqual(['grant.issued'])
})

test('a grant is listed with the status it has now', async () => {
  await create()
  const statuses = async () => (await doors.alice.listGrants({ peerId: PEER })).grants.map(({ status }) => status)
  expect(await statuses()).toEqual(['active'])
  await clock.advance(30 * DAY_MS)
  expect(await statuses()).toEqual(['expired'])
  expect((await doors.alice.listGrants({ peerId: NOBODY })).grants).toEqual([])
})

test('pages follow one another; a token or an id that is none is refused', async () => {
  for (const n of [1, 2, 3]) await create({ remoteSubject: `s${n}@b` })
  const first = await doors.alice.listGrants({ pageSize: 2 })
  const second = await doors.alice.listGrants({ pageSize: 2, pageToken: first.nextPageToken })
  expect([first.grants.length, second.grants.length, second.nextPageToken]).toEqual([2, 1, ''])
  await expectRefusal(doors.alice.listGrants({ pageToken: 'nonsense' }), 'PAGE_TOKEN_INVALID')
  await expectRefusal(doors.alice.listGrants({ peerId: `'; drop table peer` }), 'PEER_NOT_FOUND')
  await expectRefusal(doors.alice.listReceivedGrants({ pageToken: first.nextPageToken }), 'PAGE_TOKEN_INVALID')
})

test('what takes something away says how every gateway came to know, also when it is asked again', async () => {
  const { grant } = await create()
  const first = await doors.alice.revokeGrant({ grantId: grant!.id, reason: 'over' })
  const again = await doors.alice.revokeGrant({ grantId: grant!.id, reason: 'once more' })
  expect(first.enforcement?.epoch).toBeGreaterThan(0n)
  expect(again.enforcement?.epoch).toBe(first.enforcement?.epoch)
  expect(again.grant).toEqual(first.grant)
  expect(first.grant?.metadata).toEqual({ revoked_by: 'operator/alice' })
})

test('many are revoked at once by peer, moment and kind; when nothing is named, nothing is', async () => {
  for (const n of [1, 2, 3]) {
    await create({ remoteSubject: `s${n}@b` })
    await clock.advance(1_000)
  }
  await expectRefusal(doors.alice.revokeGrants({}), 'NOTHING_TO_REVOKE')
  const before = await doors.alice.revokeGrants({ issuedBefore: timestampFromDate(after(1_000)) })
  expect([before.revoked, before.grants.map(({ remoteSubject }) => remoteSubject)]).toEqual([1, ['s1@b']])
  expect((await doors.alice.revokeGrants({ resourceKind: 'network' })).revoked).toBe(0)
  const rest = await doors.alice.revokeGrants({ peerId: PEER, reason: 'all' })
  expect([rest.revoked, rest.enforcement?.epoch]).toEqual([2, 1n + (before.enforcement?.epoch ?? 0n)])
})

test('what another replica, whose clock is ahead, has issued ends with the rest when no moment is named', async () => {
  const ahead = openDoors(database, peers, new FakeClock(after(5_000)))
  await ahead.alice.createGrant(WANTED)
  expect((await doors.alice.revokeGrants({ peerId: PEER, dryRun: true })).revoked).toBe(1)
  expect((await doors.alice.revokeGrants({ peerId: PEER })).revoked).toBe(1)
  await ahead.close()
})

test('more than fit into one transaction are revoked, and a hundred are shown', async () => {
  await create()
  await sql`
    insert into federation_grant (id, peer_id, remote_subject, resource_kind, scopes, node_instance_ids, sdwan_network_ids,
      source_cidrs, secret_sha256, issued_at, issued_by, ttl_ms, expires_at, last_changed_at)
    select gen_random_uuid(), ${PEER}::uuid, 's' || n, 'NodeModule', '{read}', '{}', '{}', '{}', sha256('x'), ${NOW}, 'operator/a',
      ${DAY_MS}, ${after(DAY_MS)}, ${NOW} from generate_series(1, 1200) as n`.execute(database.db)
  const { revoked, grants } = await doors.alice.revokeGrants({ peerId: PEER })
  expect([revoked, grants.length]).toEqual([1_201, 100])
  expect((await doors.alice.listGrants({ statuses: ['active'] })).grants).toEqual([])
})

test('a scope that is none, or twice, or none at all is refused', async () => {
  const { grant } = await create()
  const update = (values: string[]) => doors.alice.updateGrant({ grantId: grant!.id, scopes: { values } })
  await expectRefusal(update([]), 'REQUEST_INVALID')
  await expectRefusal(update(['own']), 'REQUEST_INVALID')
  await expectRefusal(create({ scopes: ['read', 'read'] }), 'REQUEST_INVALID')
})

test('an agent does not say how far agents may go, nor that the parent’s operators are given nothing', async () => {
  const robot = doors.server.clientAs(GrantAuthzService, { kind: 'operator', name: 'robot', agent: true })
  const { settings } = await robot.getGrantSettings({})
  await expectRefusal(
    robot.setGrantSettings({ settings: { ...settings!, operatorGrant: false } }),
    'PERMISSION_MISSING',
  )
})

test('the settings are replaced as a whole, by whoever read them last', async () => {
  const { settings } = await doors.alice.getGrantSettings({})
  expect(settings).toMatchObject({ strictAxes: false, operatorGrant: true, revision: 1n })
  const strict = { ...settings!, strictAxes: true }
  await doors.alice.setGrantSettings({ settings: strict, dryRun: true })
  expect((await doors.alice.setGrantSettings({ settings: strict })).settings?.revision).toBe(2n)
  await expectRefusal(doors.alice.setGrantSettings({ settings: strict }), 'SETTINGS_CHANGED_MEANWHILE')
  const now = { ...strict, revision: 2n }
  await expectRefusal(
    doors.alice.setGrantSettings({ settings: { ...now, longestTtl: durationFromMs(DAY_MS) } }),
    'GRANT_TTL_OUT_OF_RANGE',
  )
  await expectRefusal(
    doors.alice.setGrantSettings({ settings: { ...now, operatorGrantScopes: [] } }),
    'REQUEST_INVALID',
  )
  const { defaultTtl: _, ...partly } = now
  await expectRefusal(doors.alice.setGrantSettings({ settings: partly }), 'REQUEST_INVALID')
  await expectRefusal(create(), 'GRANT_AXIS_INVALID')
})

test('bridges are proposed, moved and listed; there is one for a peer and network until it is revoked', async () => {
  const propose = () => doors.alice.proposeBridge({ peerId: PEER, sdwanNetworkId: 'n1' })
  const { bridge } = await propose()
  await expectRefusal(propose(), 'BRIDGE_EXISTS')
  const move = (word: string, dryRun = false) =>
    doors.alice.moveBridge({ bridgeId: bridge!.id, move: word, reason: 'r', dryRun })
  expect((await move('activate', true)).bridge?.state).toBe('active')
  expect((await move('activate')).enforcement).toBeUndefined()
  expect((await create({ sdwanNetworkIds: ['n1'] })).openItems).not.toContainEqual(expect.stringContaining('n1'))
  expect((await move('suspend')).enforcement?.epoch).toBeGreaterThan(0n)
  expect((await move('resume')).bridge).toMatchObject({ state: 'active', revision: 4n })
  expect((await move('revoke')).bridge).toMatchObject({ state: 'revoked', revocationReason: 'r' })
  await expectRefusal(move('resume'), 'MOVE_NOT_ALLOWED')
  expect((await propose()).bridge?.id).not.toBe(bridge?.id)
  expect((await doors.alice.listBridges({ peerId: PEER })).bridges.map(({ state }) => state).toSorted()).toEqual([
    'proposed',
    'revoked',
  ])
  const first = await doors.alice.listBridges({ pageSize: 1 })
  expect((await doors.alice.listBridges({ pageSize: 1, pageToken: first.nextPageToken })).nextPageToken).toBe('')
  await expectRefusal(doors.alice.moveBridge({ bridgeId: NOBODY, move: 'revoke' }), 'BRIDGE_NOT_FOUND')
  expect((await news()).filter((word) => word.startsWith('bridge'))).toEqual([
    'bridge.proposed', 'bridge.active', 'bridge.suspended', 'bridge.active', 'bridge.revoked', 'bridge.proposed',
  ]) // prettier-ignore
})

test('how things travel is set and removed, in the words there are', async () => {
  const said = { peerId: PEER, resourceKind: 'NodeModule', direction: 'pull_remote_to_local' }
  const set = (change: object = {}, more: object = {}) =>
    doors.alice.setCapability({ capability: { ...said, ...change }, ...more })
  await set({}, { dryRun: true })
  expect((await set()).capability).toMatchObject({
    policy: 'manual',
    conflictResolution: 'newer_wins_logical_clock',
    setBy: 'operator/alice',
  })
  await set({ policy: 'on_match_filter', filter: { env: 'prod' } })
  expect((await doors.alice.listCapabilities({ peerId: PEER })).capabilities).toMatchObject([
    { policy: 'on_match_filter', filter: { env: 'prod' } },
  ])
  await expectRefusal(set({ direction: 'sideways' }), 'REQUEST_INVALID')
  await expectRefusal(set({ policy: 'on_match_filter' }), 'REQUEST_INVALID')
  await expectRefusal(set({ resourceKind: 'no kind' }), 'REQUEST_INVALID')
  await expectRefusal(set({ peerId: NOBODY }), 'PEER_NOT_FOUND')
  await set({}, { remove: true })
  await expectRefusal(set({}, { remove: true }), 'REQUEST_INVALID')
  expect((await doors.alice.listCapabilities({})).capabilities).toEqual([])
  expect(await news()).toEqual(['capability.set', 'capability.set', 'capability.removed'])
})

test('a peer whose relationship ended loses its default grant before the answer', async () => {
  await doors.registry.reviewPeer({ peerId: PARENT })
  const statuses = async () => (await doors.alice.listGrants({ peerId: PARENT })).grants.map(({ status }) => status)
  expect(await statuses()).toEqual(['active'])
  peers.set(PARENT, { spawnMode: SpawnMode.AUTONOMOUS_PEER, spawnRole: SpawnRole.CHILD })
  const { enforcement } = await doors.registry.reviewPeer({ peerId: PARENT })
  expect([await statuses(), enforcement?.by]).toEqual([['revoked'], expect.any(String)])
})

test('O-16, S-16: no secret is in a row, an event, a list, a log or an answer but the one that creates it', async () => {
  const { bearer, grant } = await create({ deliver: true })
  const { secret } = parseBearer(bearer)!
  const peers2 = await doors.alice.listGrants({})
  await doors.registry.reviewPeer({ peerId: PARENT })
  await doors.alice.updateGrant({ grantId: grant!.id, scopes: { values: ['write'] } })
  await doors.gateway.receiveGrantNotice({ peerId: PEER, notice: noticeOf({ bearer: BEARER }) })
  const kept = await inTransaction(database.db, everythingKept)
  expect(kept).toContain(grant!.id) // it would be seen
  expect(kept).toContain('"what":"issued"')
  for (const hidden of [secret, BEARER.slice(-43)]) {
    expect(kept).not.toContain(hidden)
    expect(JSON.stringify(doors.server.logged())).not.toContain(hidden)
    expect(
      JSON.stringify(peers2, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    ).not.toContain(hidden)
  }
  const received = await doors.alice.listReceivedGrants({})
  expect(
    JSON.stringify(received, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
  ).not.toContain(BEARER.slice(-43))
})

const THEIRS = idOf(0x99)
const BEARER = `fg-${THEIRS}.${'s'.repeat(43)}`
const noticeOf = (change: object = {}) => ({
  grantId: THEIRS,
  remoteSubject: 'us@b',
  resourceKind: 'NodeModule',
  resourceId: '',
  scopes: ['read'],
  issuedAt: timestampFromDate(NOW),
  expiresAt: timestampFromDate(after(DAY_MS)),
  what: 'issued',
  bearer: '',
  revision: 1n,
  reason: '',
  ...change,
})
const receive = (change: object = {}, peerId = PEER) =>
  doors.gateway.receiveGrantNotice({ peerId, notice: noticeOf(change) })
const choose = (change: object = {}) =>
  doors.gateway.chooseReceivedGrant({ peerId: PEER, resourceKind: 'NodeModule', scope: 'read', ...change })

test('a grant that a peer gave to us is listed without its bearer, which the gateway is given for a call', async () => {
  await receive({ bearer: BEARER })
  const { grants } = await doors.alice.listReceivedGrants({ peerId: PEER })
  expect(grants).toMatchObject([{ id: THEIRS, peerId: PEER, status: 'active', issuedBy: `peer/${PEER}`, revision: 1n }])
  expect(await choose({ resourceId: 'm1' })).toMatchObject({ grantId: THEIRS, bearer: BEARER })
  expect(await choose({ scope: 'write' })).toMatchObject({ grantId: '', bearer: '' })
  await clock.advance(DAY_MS)
  expect(await choose()).toMatchObject({ grantId: '' })
})

test('of several the one that fits best is chosen: for this resource, able to do least, lasting longest', async () => {
  const give = (n: number, change: object) =>
    receive({ grantId: idOf(n), bearer: `fg-${idOf(n)}.${'s'.repeat(43)}`, ...change })
  await give(1, { scopes: ['read', 'admin'] })
  await give(2, {})
  await give(3, { expiresAt: timestampFromDate(after(2 * DAY_MS)) })
  await give(4, { resourceId: 'm1', scopes: ['read', 'write'] })
  expect((await choose()).grantId).toBe(idOf(3))
  expect((await choose({ resourceId: 'm1' })).grantId).toBe(idOf(4))
  expect((await choose({ resourceId: 'M1' })).grantId).toBe(idOf(3))
  await receive({ grantId: idOf(3), what: 'revoked', revision: 2n })
  expect((await choose()).grantId).toBe(idOf(2))
})

test('an older notice says nothing, and the bearer of what is over is gone', async () => {
  await receive({ bearer: BEARER })
  await receive({ what: 'revoked', revision: 3n, reason: 'sold' })
  await receive({ what: 'changed', revision: 2n })
  await receive({ bearer: BEARER, revision: 4n })
  const { grants } = await doors.alice.listReceivedGrants({})
  expect(grants).toMatchObject([{ status: 'revoked', revocationReason: 'sold', revision: 3n }])
  expect(await choose()).toMatchObject({ grantId: '' })
})

test.each([
  ['a bearer of another grant', { bearer: `fg-${idOf(1)}.${'s'.repeat(43)}` }],
  ['a bearer that is none', { bearer: 'secret' }],
  ['a bearer with other news', { bearer: BEARER, what: 'changed' }],
  ['no revision', { revision: 0n }],
  ['a revision beyond all bounds', { revision: 2n ** 62n }],
  ['an end that no calendar has', { expiresAt: { seconds: 2n ** 60n, nanos: 0 } }],
  ['a scope that there is not', { scopes: ['own'] }],
])('a notice with %s is refused', async (_what, change) => {
  await expectRefusal(receive(change), 'REQUEST_INVALID')
})

test('what a peer writes cannot do harm in our terminals, nor in our tables', async () => {
  await receive({ remoteSubject: 'a\u001b[2Jb', resourceId: 'x\u0000y' })
  const { grants } = await doors.alice.listReceivedGrants({})
  expect(grants).toMatchObject([{ remoteSubject: 'a\uFFFD[2Jb', resourceId: 'x\uFFFDy' }])
})

test('of what one peer gives no more is kept than there is room for', async () => {
  await receive()
  await sql`
    insert into received_grant (peer_id, grant_id, remote_subject, resource_kind, resource_id, scopes, issued_at, expires_at,
      revision, received_at, last_changed_at)
    select ${PEER}::uuid, gen_random_uuid(), 's', 'k', '', '{read}', ${NOW}, ${after(DAY_MS)}, 1, ${NOW}, ${NOW}
    from generate_series(1, 9999)`.execute(database.db)
  await expectRefusal(receive({ grantId: idOf(1) }), 'RATE_LIMITED')
  await receive({ revision: 2n, what: 'changed' })
})

test('metadata of more than 16 kB is the mistake of whoever asks, however few bytes it has on the wire', async () => {
  await expectRefusal(create({ metadata: { note: 'x'.repeat(20_000) } }), 'REQUEST_INVALID')
  await expectRefusal(create({ metadata: { list: Array.from({ length: 100 }, () => 1e308) } }), 'REQUEST_INVALID')
  await create({ metadata: { note: 'x'.repeat(16_000) } })
})

test('a text that the database cannot hold is refused, wherever it stands', async () => {
  const { grant } = await create()
  const grantId = grant!.id
  for (const change of [
    { remoteSubject: 'a\0' },
    { resourceId: 'a\0' },
    { nodeInstanceIds: ['a\0'] },
    { sdwanNetworkIds: ['\0'] },
    { metadata: { a: 'b\0' } },
  ])
    await expectRefusal(create(change), 'REQUEST_INVALID')
  await expectRefusal(doors.alice.updateGrant({ grantId, nodeInstanceIds: { values: ['a\0'] } }), 'REQUEST_INVALID')
  await expectRefusal(doors.alice.listGrants({ resourceKind: 'a\0' }), 'REQUEST_INVALID')
  await expectRefusal(doors.alice.revokeGrant({ grantId, reason: 'a\0' }), 'REQUEST_INVALID')
})
