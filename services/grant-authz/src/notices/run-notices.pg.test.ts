import { create } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { inTransaction } from '@powernode/postgres'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { NotifyGrantResponseSchema, type GrantNotice } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { Refusal } from '@powernode/rpc'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createGrant } from '../operations/grants/create-grant.ts'
import { renewGrant } from '../operations/grants/renew-grant.ts'
import { revokeGrant } from '../operations/grants/revoke-grant.ts'
import { updateGrant } from '../operations/grants/update-grant.ts'
import * as grants from '../store/grants.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { CAUSE, NOW, PEER, testGrants } from '../testing.ts'
import { DAY_MS, idOf, SEALING, WANTED } from '../testing/grants.ts'
import { runNotices } from './run-notices.ts'
import type { Border } from './send-notice.ts'

type Heard = { readonly peer: string | null; readonly notice: GrantNotice }

let database: TestDatabase<Tables>
let clock: FakeClock
let stopping: AbortController
let running: Promise<unknown>
let heard: Heard[]
let lines: string[]
/** Peers that cannot be told, and how that fails. */
let failing: Map<string, Error>
let tries: number
/** What happens while a notice is on its way. */
let meanwhile: (peer: string | null) => Promise<void>

/** The gateway, as far as it carries notices. */
const border: Border = {
  async notifyGrant({ notice }, options) {
    const peer = new Headers(options?.headers).get('powernode-peer-id')
    tries += 1
    await meanwhile(peer)
    const failure = failing.get(peer ?? '')
    if (failure) throw failure
    heard.push({ peer, notice: notice as GrantNotice })
    return create(NotifyGrantResponseSchema)
  },
}

beforeEach(async () => {
  database = await testGrants()
  clock = new FakeClock(NOW)
  stopping = new AbortController()
  ;[heard, lines, failing, tries, meanwhile] = [[], [], new Map(), 0, async () => {}]
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  const deps = {
    db: database.db,
    listener: testListener({ url: database.url }),
    border,
    sealing: SEALING,
    clock,
    logger,
  }
  running = Promise.all([
    runNotices({ ...deps, metrics: createMetrics('test') }, stopping.signal),
    runNotices({ ...deps, metrics: createMetrics('another replica') }, stopping.signal),
  ])
})
afterEach(async () => {
  stopping.abort()
  await running
  await database.drop()
})

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const deliver = (change: object = {}) =>
  act((tx) => createGrant(tx, clock.now(), { ...WANTED, deliver: true, ...change }))
const find = (id: string) => act((tx) => grants.find(tx, id))
const owed = async () => {
  const { rows } = await sql<{ what: string; sealed: boolean; attempts: number }>`
    select what, sealed_bearer is not null as sealed, attempts from grant_notice`.execute(database.db)
  return rows
}
const told = () => until(async () => (await owed()).length === 0)
const said = () =>
  heard.map(({ notice }) => `${notice.what} ${notice.revision}${notice.bearer === '' ? '' : ' with bearer'}`)

test('a grant that is to be delivered reaches its peer with the bearer, which is then nowhere here', async () => {
  const { grant, bearer } = await deliver({ scopes: ['read', 'write'] })
  await told()
  expect(heard).toMatchObject([
    {
      peer: PEER,
      notice: {
        grantId: grant.id,
        what: 'issued',
        bearer,
        scopes: ['read', 'write'],
        resourceKind: 'NodeModule',
        revision: 1n,
      },
    },
  ])
  expect((await find(grant.id))?.deliveredAt).toEqual(NOW)
  expect(lines.join()).not.toContain(bearer.slice(-43))
})

test('what becomes of it is told without a bearer, whether it was delivered or not', async () => {
  const { grant } = await deliver({ deliver: false })
  const { id: grantId } = grant
  await act((tx) => updateGrant(tx, NOW, { grantId, changes: { scopes: ['write'] }, ifRevision: 0, cause: CAUSE }))
  await told()
  await act((tx) => renewGrant(tx, NOW, { grantId, ttlMs: 40 * DAY_MS, cause: CAUSE }))
  await told()
  await act((tx) => revokeGrant(tx, NOW, { grantId, reason: 'sold', cause: CAUSE }))
  await told()
  expect(said()).toEqual(['changed 2', 'renewed 3', 'revoked 4'])
  expect(heard.at(-1)?.notice.reason).toBe('sold')
  expect((await find(grantId))?.deliveredAt).toBeNull()
})

test('a peer that is away is told when it is back, and holds up nobody else', async () => {
  failing.set(PEER, new ConnectError('away', Code.Unavailable))
  const { bearer } = await deliver()
  await deliver({ peerId: idOf(1) })
  await until(async () => heard.length === 1 && (await owed()).every(({ attempts }) => attempts > 0))
  expect(await owed()).toMatchObject([{ what: 'issued', sealed: true }])
  failing.clear()
  await until(async () => {
    await clock.advance(2_000)
    return heard.length === 2
  })
  await told()
  expect(heard.at(-1)).toMatchObject({ peer: PEER, notice: { bearer } })
})

test('what changes before the bearer has arrived goes with it', async () => {
  failing.set(PEER, new Refusal('PEER_UNREACHABLE', 'away'))
  const { grant } = await deliver()
  await until(async () => tries > 0 && (await owed()).some(({ attempts }) => attempts > 0))
  const changes = { scopes: ['write'] } as const
  failing.clear()
  await act((tx) => updateGrant(tx, NOW, { grantId: grant.id, changes, ifRevision: 0, cause: CAUSE }))
  await told()
  expect(said()).toEqual(['issued 2 with bearer'])
  expect(heard[0]?.notice.scopes).toEqual(['write'])
})

test('what changes while the bearer is on its way is told as well', async () => {
  let id = ''
  meanwhile = async () => {
    meanwhile = async () => {}
    const changes = { scopes: ['write'] } as const
    await act((tx) => updateGrant(tx, NOW, { grantId: id, changes, ifRevision: 0, cause: CAUSE }))
  }
  await act(async (tx) => {
    const { grant } = await createGrant(tx, NOW, { ...WANTED, deliver: true })
    id = grant.id
  })
  await told()
  // Another replica may have taken the change up before the first had its answer: it cannot know that the bearer arrived.
  expect(said()[0]).toBe('issued 1 with bearer')
  expect(['changed 2', 'issued 2 with bearer']).toContain(said()[1])
})

test('a grant that is revoked before its bearer has arrived is told as revoked, and the bearer is gone', async () => {
  failing.set(PEER, new Refusal('PEER_UNREACHABLE', 'away'))
  const { grant } = await deliver()
  await until(async () => (await owed()).some(({ attempts }) => attempts > 0))
  await act((tx) => revokeGrant(tx, NOW, { grantId: grant.id, reason: '', cause: CAUSE }))
  expect((await owed())[0]).toMatchObject({ what: 'revoked', sealed: false })
  failing.clear()
  await until(async () => {
    await clock.advance(2_000)
    return heard.length === 1
  })
  expect(said()).toEqual(['revoked 2'])
})

test('nobody is told who is gone for good, and no bearer waits for ever', async () => {
  failing.set(PEER, new Refusal('PEER_REVOKED', 'over'))
  await deliver()
  await told()
  failing.set(idOf(1), new Refusal('PEER_UNREACHABLE', 'away'))
  const { grant } = await deliver({ peerId: idOf(1) })
  await act((tx) => revokeGrant(tx, NOW, { grantId: grant.id, reason: '', cause: CAUSE }))
  await until(async () => (await owed()).some(({ attempts }) => attempts > 0))
  await clock.advance(7 * DAY_MS + 1)
  await until(async () => {
    await clock.advance(300_000)
    return (await owed()).length === 0
  })
  expect(heard).toEqual([])
})

test('a peer that hears everything out and never answers holds up nobody else’s, however much it is owed', async () => {
  const { promise: never, resolve: letGo } = Promise.withResolvers<void>()
  meanwhile = (peer) => (peer === PEER ? never : Promise.resolve())
  for (let n = 0; n < 40; n++) await deliver({ resourceId: `r${n}` })
  await until(async () => tries >= 8)
  await deliver({ peerId: idOf(1), remoteSubject: 'x' })
  await until(async () => heard.some(({ peer }) => peer === idOf(1)))
  expect(heard.some(({ peer }) => peer === PEER)).toBe(false)
  letGo()
  await until(async () => heard.length === 41)
})
