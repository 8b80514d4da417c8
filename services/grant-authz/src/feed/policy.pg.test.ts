import { readFileSync } from 'node:fs'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { until } from '@powernode/events/testing'
import { FEED_SQL, Follower } from '@powernode/feed'
import { PolicyTable } from '@powernode/policy'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { archiveGrants } from '../operations/grants/archive-grants.ts'
import { revokeGrant } from '../operations/grants/revoke-grant.ts'
import * as sweeps from '../store/grant-sweeps.ts'
import * as policyRows from '../store/policy-rows.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { CAUSE, NOW, PEER, testGrants } from '../testing.ts'
import { openDoors } from '../testing/grant-doors.ts'
import { after, DAY_MS, give, idOf } from '../testing/grants.ts'
import { PAGE_BYTES, POLICY_FEED } from './policy-part.ts'
import { policySource, readPolicyOf, type PolicyUpdate } from './policy.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const pagesOf = (read: (tx: GrantTx) => AsyncIterable<PolicyUpdate>) =>
  act(async (tx) => {
    const bytes: Uint8Array[] = []
    for await (const { value } of read(tx)) bytes.push(toBinary(PolicyPageSchema, value))
    return bytes
  })
const decode = (bytes: readonly Uint8Array[]): PolicyPage[] => bytes.map((page) => fromBinary(PolicyPageSchema, page))
const everything = async () => decode(await pagesOf(policySource.readAll))
const since = async (epoch: bigint) => decode(await pagesOf((tx) => policySource.readSince(tx, epoch)))
const head = () => act((tx) => policyRows.head(tx, POLICY_FEED))

test('the feed of this schema is that of libs/feed, word for word', () => {
  expect(readFileSync(new URL('../../migrations/0003_feed.sql', import.meta.url), 'utf8')).toContain(FEED_SQL)
})

test('a grant is told as a gateway decides on it: every field, in every form', async () => {
  const full = await act((tx) =>
    give(tx, {
      resourceId: 'Ümläut and a very long id '.repeat(4),
      scopes: ['read', 'admin', 'migrate'],
      nodeInstanceIds: ['*'],
      sdwanNetworkIds: ['n"1', 'n\\2', 'ü', 'n'.repeat(64)],
      sourceCidrs: ['192.0.2.0/24', '2001:db8::/32'],
      boundIdentities: [`x5t#S256:${'a'.repeat(43)}`],
    }),
  )
  const plain = await act((tx) => give(tx, { peerId: idOf(1) }))
  await act((tx) => revokeGrant(tx, after(7), { grantId: plain.id, reason: '', cause: CAUSE }))
  const told = (await everything()).flatMap(({ grants }) => grants)
  expect(told).toHaveLength(2)
  expect(told.find(({ id }) => id === full.id)).toMatchObject({
    peerId: PEER,
    secretSha256: Uint8Array.from(full.secretSha256),
    resourceKind: 'NodeModule',
    resourceId: full.resourceId,
    scopes: 13,
    nodeInstanceIds: ['*'],
    sdwanNetworkIds: full.sdwanNetworkIds,
    sourceCidrs: full.sourceCidrs,
    boundIdentities: full.boundIdentities,
    notBeforeMs: NOW.getTime(),
    expiresAtMs: full.expiresAt.getTime(),
    revokedAtMs: 0,
  })
  expect(told.find(({ id }) => id === plain.id)).toMatchObject({
    resourceId: '',
    scopes: 1,
    nodeInstanceIds: [],
    boundIdentities: [],
    revokedAtMs: after(7).getTime(),
  })
})

test('what changed is told, what is archived or revoked is forgotten, and nothing else is said', async () => {
  const grant = await act((tx) => give(tx))
  const begun = await head()
  expect(await since(begun)).toEqual([])
  await act((tx) => give(tx, { peerId: idOf(1) }))
  expect((await since(begun)).flatMap(({ grants }) => grants.map(({ peerId }) => peerId))).toEqual([idOf(1)])
  await act((tx) => revokeGrant(tx, NOW, { grantId: grant.id, reason: '', cause: CAUSE }))
  const revoked = await head()
  await act((tx) => archiveGrants(tx, after(90 * DAY_MS), 9))
  expect((await since(revoked)).map(({ removedGrantIds }) => removedGrantIds)).toEqual([[grant.id]])
  expect((await everything()).flatMap(({ grants }) => grants.map(({ id }) => id))).not.toContain(grant.id)
})

test('what only we keep costs no epoch: that somebody was reminded, or that a bearer arrived', async () => {
  const grant = await act((tx) => give(tx))
  const before = await head()
  await act((tx) => sweeps.remind(tx, after(29 * DAY_MS), { remindBeforeMs: 7 * DAY_MS, limit: 9 }))
  await act((tx) => sweeps.noteDelivered(tx, grant.id, NOW))
  await act((tx) => sweeps.closeExpired(tx, after(31 * DAY_MS), 9))
  expect(await head()).toBe(before)
})

test('what is changed by hand is told as well', async () => {
  await act((tx) => give(tx))
  const before = await head()
  await sql`update federation_grant set scopes = '{write}'`.execute(database.db)
  await sql`update grant_settings set strict_axes = true, revision = revision + 1`.execute(database.db)
  const told = await since(before)
  expect(told.flatMap(({ grants }) => grants.map(({ scopes }) => scopes))).toEqual([2])
  expect(told.find(({ settings }) => settings)?.settings?.strictAxes).toBe(true)
})

test('bridges are told while they are not revoked', async () => {
  await act((tx) => give(tx))
  const add = (n: number, state: string) =>
    sql`
    insert into network_bridge (id, peer_id, sdwan_network_id, proposed_at) values (${idOf(n)}, ${PEER}, ${`n${n}`}, ${NOW})`
      .execute(database.db)
      .then(() => state)
  await add(1, 'proposed')
  await add(2, 'proposed')
  await sql`update network_bridge set state = 'active', activated_at = ${NOW} where id = ${idOf(2)}`.execute(
    database.db,
  )
  const before = await head()
  expect(
    (await everything()).flatMap(({ bridges }) =>
      bridges.map(({ sdwanNetworkId, state }) => `${sdwanNetworkId} ${state}`),
    ),
  ).toEqual(['n1 proposed', 'n2 active'])
  await sql`update network_bridge set state = 'revoked', revoked_at = ${NOW} where id = ${idOf(2)}`.execute(database.db)
  expect((await since(before)).flatMap(({ removedBridgeIds }) => removedBridgeIds)).toEqual([idOf(2)])
})

test('many grants come in pages that are no larger than they may be, each grant once', async () => {
  await act((tx) => give(tx))
  await sql`
    insert into federation_grant (id, peer_id, remote_subject, resource_kind, scopes, node_instance_ids, sdwan_network_ids,
      source_cidrs, secret_sha256, issued_at, issued_by, ttl_ms, expires_at, last_changed_at)
    select gen_random_uuid(), ${PEER}::uuid, 's' || n, 'NodeModule', '{read}',
      case when n % 500 = 0 then (select array_agg(repeat('ü', 61) || v) from generate_series(100, 355) as v) else '{*}' end,
      '{}', '{}', sha256(n::text::bytea), ${NOW}, 'operator/a', ${DAY_MS}, ${after(DAY_MS)}, ${NOW}
    from generate_series(1, 5000) as n`.execute(database.db)
  const pages = await pagesOf(policySource.readAll)
  expect(pages.every((page) => page.length <= 2 * PAGE_BYTES)).toBe(true)
  const ids = decode(pages).flatMap(({ grants }) => grants.map(({ id }) => id))
  expect([ids.length, new Set(ids).size]).toEqual([5_001, 5_001])
  expect(decode(await pagesOf((tx) => policySource.readSince(tx, 0n))).flatMap(({ grants }) => grants)).toHaveLength(
    5_001,
  )
})

test('for one peer no more is read than concerns it, and one grant of it alone if that is meant', async () => {
  const mine = await act((tx) => give(tx))
  await act((tx) => give(tx, { remoteSubject: 'other@b' }))
  const foreign = await act((tx) => give(tx, { peerId: idOf(1) }))
  const read = (grantId?: string) => act((tx) => readPolicyOf(tx, { peerId: PEER, grantId }))
  expect((await read()).grants).toHaveLength(2)
  const { policy, grants } = await read(mine.id)
  expect([grants.map(({ id }) => id), policy.grant(mine.id)?.peerId]).toEqual([[mine.id], PEER])
  expect((await read(foreign.id)).grants).toEqual([])
})

test('a gateway follows: it holds what is granted, and a revocation returns when it holds it no more', async () => {
  const doors = openDoors(database, new Map([[PEER, {}]]), systemClock)
  const stopping = new AbortController()
  const table = new PolicyTable()
  const follower = new Follower<PolicyUpdate>({
    feed: POLICY_FEED,
    reader: 'test',
    open: (requests, signal) => doors.policyFeed.follow(requests, signal) as AsyncIterable<{ update: PolicyUpdate }>,
    clock: systemClock,
    logger: createLogger('test', { level: 'silent' }),
    metrics: createMetrics('test'),
    begin: (replaces) => table.begin(replaces),
    apply: ({ value }) => table.apply(fromBinary(PolicyPageSchema, toBinary(PolicyPageSchema, value))),
    whole: (epoch) => table.position(epoch),
  })
  const following = follower.run(stopping.signal)
  await until(async () => follower.fresh)
  let quick = 0
  // Until it was so without a lease five times: on a busy machine one may be over before the word has come.
  while (quick < 5) {
    const { grant } = await doors.alice.createGrant({ peerId: PEER, resourceKind: 'NodeModule', scopes: ['read'] })
    // What is given can be used as soon as it is answered.
    expect(table.grant(grant!.id)?.revokedAtMs === 0 || !follower.fresh).toBe(true)
    const { enforcement } = await doors.alice.revokeGrant({ grantId: grant!.id })
    expect((table.grant(grant!.id)?.revokedAtMs ?? 0) > 0 || !follower.fresh).toBe(true)
    if (enforcement?.by === 'acknowledged') quick += 1
  }
  stopping.abort()
  await following
  await doors.close()
})
