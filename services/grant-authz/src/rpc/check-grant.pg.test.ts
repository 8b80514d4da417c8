import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CATALOGUE } from '../kind.ts'
import * as kinds from '../store/kinds.ts'
import type { Tables } from '../store/tables.ts'
import { NOW, PEER, testGrants } from '../testing.ts'
import { openDoors } from '../testing/grant-doors.ts'
import { after, DAY_MS, idOf } from '../testing/grants.ts'

const OTHER = idOf(5)
let database: TestDatabase<Tables>
let peers: Map<string, object>
let doors: ReturnType<typeof openDoors>

beforeEach(async () => {
  database = await testGrants()
  peers = new Map([
    [PEER, {}],
    [OTHER, {}],
  ])
  doors = openDoors(database, peers, new FakeClock(NOW))
  const kind = {
    kind: 'NodeModule',
    extension: 'system',
    dependencies: [],
    duplicable: true,
    migratable: false,
    region: undefined,
  }
  await inTransaction(database.db, (tx) =>
    kinds.declare(tx, { ...kind, sensitiveFields: [], dataClass: '', writable: true }, CATALOGUE),
  )
})
afterEach(async () => {
  await doors.close()
  await database.drop()
})

const give = async (change: object = {}) =>
  (await doors.alice.createGrant({ peerId: PEER, resourceKind: 'NodeModule', scopes: ['read'], ...change })).grant!.id
const check = (change: object = {}) =>
  doors.alice.checkGrant({ peerId: PEER, resourceKind: 'NodeModule', scope: 'read', ...change })
const why = async (change: object = {}) => {
  const { allowed, verdicts } = await check(change)
  return `${allowed} ${verdicts[0]?.reason ?? '-'} ${verdicts[0]?.axis ?? '-'}`
}

test('a call is allowed by the grant that allows it, and the decisive verdict comes first', async () => {
  const narrow = await give({ remoteSubject: 'a@b', resourceId: 'm1' })
  const write = await give({ remoteSubject: 'b@b', scopes: ['write'] })
  const read = await give({ remoteSubject: 'c@b' })
  const { allowed, grantId, verdicts } = await check({ resourceId: 'm2' })
  expect([allowed, grantId, verdicts.map((one) => one.grantId)]).toEqual([true, read, [read, write, narrow]])
  expect(verdicts.map(({ axis }) => axis)).toEqual(['', 'scope', 'id'])
})

test('each axis that fails is named, and nothing is written', async () => {
  await give({
    resourceId: 'm1',
    nodeInstanceIds: ['i1'],
    sdwanNetworkIds: ['n1'],
    sourceCidrs: ['192.0.2.0/24'],
    boundIdentities: [`x5t#S256:${'a'.repeat(43)}`],
  })
  const before = await sql`select count(*) from outbox`.execute(database.db)
  const asked = { resourceId: 'm1', nodeInstanceId: 'i1', sdwanNetworkId: 'n1', sourceAddress: '192.0.2.7' }
  const { bridge } = await doors.alice.proposeBridge({ peerId: PEER, sdwanNetworkId: 'n1' })
  expect(await why({ ...asked, resourceKind: 'network' })).toBe('false SCOPE_MISMATCH kind')
  expect(await why({ ...asked, resourceId: 'M1' })).toBe('false SCOPE_MISMATCH id')
  expect(await why({ ...asked, scope: 'write' })).toBe('false SCOPE_MISMATCH scope')
  expect(await why({ ...asked, nodeInstanceId: '' })).toBe('false SCOPE_MISMATCH instance')
  expect(await why({ ...asked, sdwanNetworkId: 'n2' })).toBe('false SCOPE_MISMATCH network')
  expect(await why(asked)).toBe('false SCOPE_MISMATCH bridge')
  await doors.alice.moveBridge({ bridgeId: bridge!.id, move: 'activate' })
  expect(await why({ ...asked, sourceAddress: '198.51.100.1' })).toBe('false SCOPE_MISMATCH source')
  expect(await why({ ...asked, sourceAddress: '::ffff:192.0.2.7' })).toBe('true ALLOWED ')
  expect(await why(asked)).toBe('true ALLOWED ')
  const { rows } = await sql<{
    count: number
  }>`select count(*) from outbox where subject not like 'fed.bridge%'`.execute(database.db)
  expect(rows).toEqual(before.rows)
})

test('a grant is over at its very last millisecond, and what will be can be asked today', async () => {
  await give()
  expect(await why({ at: timestampFromDate(after(30 * DAY_MS - 1)) })).toBe('true ALLOWED ')
  expect(await why({ at: timestampFromDate(after(30 * DAY_MS)) })).toBe('false GRANT_EXPIRED lifetime')
  expect(await why({ at: timestampFromDate(after(-1)) })).toBe('false GRANT_EXPIRED lifetime')
})

test('a revoked grant is refused at any moment, and one grant can be asked about alone', async () => {
  const id = await give()
  await doors.alice.revokeGrant({ grantId: id })
  await give({ resourceId: 'm1' })
  expect(await why({ grantId: id })).toBe('false GRANT_REVOKED lifetime')
  expect(await why()).toBe('true ALLOWED ')
})

test('a peer without a grant is denied, and another peer\u2019s grant is none of its own', async () => {
  const foreign = await give({ peerId: OTHER })
  expect(await check()).toMatchObject({ allowed: false, grantId: '', verdicts: [] })
  await expectRefusal(check({ grantId: foreign }), 'GRANT_NOT_FOUND')
  await expectRefusal(check({ grantId: 'fg-x' }), 'GRANT_NOT_FOUND')
  await expectRefusal(check({ peerId: idOf(9) }), 'PEER_NOT_FOUND')
})

test.each([
  ['suspended', PeerState.SUSPENDED, 'PEER_SUSPENDED'],
  ['revoked', PeerState.REVOKED, 'PEER_REVOKED'],
  ['not enrolled yet', PeerState.ACCEPTED, 'PEER_NOT_ENROLLED'],
])('what a peer that is %s holds opens nothing', async (_what, state, reason) => {
  await give()
  peers.set(PEER, { state })
  expect(await why()).toBe(`false ${reason} peer`)
})
