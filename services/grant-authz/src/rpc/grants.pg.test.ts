import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { issueOperatorGrant } from '../operations/grants/issue-operator-grant.ts'
import { GRANT_CALLERS, grantHandlers } from './grants.ts'
import type { Tables } from '../store/tables.ts'
import { CAUSE, NOW, PEER, testGrants } from '../testing.ts'

let database: TestDatabase<Tables>
let server: TestServer
const clock = new FakeClock(NOW)

beforeEach(async () => {
  database = await testGrants()
  server = startTestServer(mount(GrantAuthzService, grantHandlers({ db: database.db, clock }), GRANT_CALLERS))
})
afterEach(() => database.drop())

const client = () => server.clientAs(GrantAuthzService, { kind: 'operator', name: 'alice' })

test('only an operator sees grants', async () => {
  await refusesEverybodyElse(GrantAuthzService, GRANT_CALLERS, server.clientAs)
})

test('a grant is listed with the status it has now', async () => {
  await inTransaction(database.db, (tx) => issueOperatorGrant(tx, NOW, { peerId: PEER, cause: CAUSE }))
  const statuses = async () => (await client().listGrants({ peerId: PEER })).grants.map(({ status }) => status)
  expect(await statuses()).toEqual(['active'])
  await clock.advance(365 * 86_400_000)
  expect(await statuses()).toEqual(['expired'])
  expect(await client().listGrants({ peerId: '019f0000-0000-7000-8000-00000000cafe' })).toMatchObject({ grants: [] })
})

test('pages follow one another', async () => {
  for (const n of [1, 2, 3]) {
    const peerId = `019f0000-0000-7000-8000-00000000000${n}`
    await inTransaction(database.db, (tx) => issueOperatorGrant(tx, NOW, { peerId, cause: CAUSE }))
  }
  const first = await client().listGrants({ pageSize: 2 })
  const second = await client().listGrants({ pageSize: 2, pageToken: first.nextPageToken })
  expect([first.grants.length, second.grants.length, second.nextPageToken]).toEqual([2, 1, ''])
})

test('a page token or a peer id that is none is refused', async () => {
  await expectRefusal(client().listGrants({ pageToken: 'nonsense' }), 'PAGE_TOKEN_INVALID')
  await expectRefusal(client().listGrants({ peerId: `'; drop table peer` }), 'PEER_NOT_FOUND')
})
