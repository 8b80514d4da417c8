import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { until } from '@powernode/events/testing'
import { elapsed } from '@powernode/process'
import type { ReconcileResponse } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reconcileNightly } from '../mirror/reconcile-nightly.ts'
import { receiveEntries } from '../operations/mirror/receive-entries.ts'
import { append, borderTo, call, doorsOf, line, mirrorDeps, QUOTA, shipmentFrom, sign, twoSides, type Side } from '../testing/mirrors.ts' // prettier-ignore

let a: Side
let b: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, b, drop } = await twoSides())
})
afterEach(() => drop())

const DAY_MS = 86_400_000

/** B calls A: both write it down, each in its own log about the other. */
async function called(n: number, said: { here?: object | null; there?: object | null } = {}): Promise<void> {
  if (said.here !== null) await append(a, [call(a, n, said.here)])
  if (said.there !== null) await append(b, [call(b, n, { direction: 'out', actor: 'service/x', ...said.there })])
}

/** What B signed comes into the mirror of A. */
async function mirror(from = 0): Promise<void> {
  await sign(b)
  for (let start = from, size = -1; start !== size;) {
    const shipment = await shipmentFrom(b, start)
    const received = await a.act((tx, now) => receiveEntries(tx, now, { peerId: a.peerId, ...shipment, quota: QUOTA }))
    if (!('size' in received)) throw received.refused
    start = received.size
    size = Number(/\n(\d+)\n/.exec(shipment.checkpoint)?.[1])
  }
}

async function reconcile(said: object = {}): Promise<ReconcileResponse[]> {
  const told: ReconcileResponse[] = []
  for await (const message of doorsOf(a).operator.reconcile({ peerId: a.peerId, ...said })) told.push(message)
  return told
}
const differencesIn = (told: readonly ReconcileResponse[]) => told.flatMap(({ differences }) => differences)

test('two logs that tell the same are alike, and what they tell otherwise is named by its places', async () => {
  await append(b, [line(b, 0)])
  for (const n of [1, 2, 3]) await called(n)
  await called(4, { there: null })
  await called(5, { here: null })
  await called(6, { there: { resource: 'NodeModule/other "quoted" \\' } })
  await called(7, { here: { action: 'federation.call.refused' } })
  await called(8)
  await append(b, [call(b, 108, { direction: 'out', contentId: 'call-8' })])
  await mirror()
  await a.clock.advance(600_000)

  const told = await reconcile()
  expect(differencesIn(told).map(({ kind, contentId, sequence, remoteSequence }) => [kind, contentId, sequence, remoteSequence])).toEqual([
    ['missing_there', 'call-4', 3n, undefined],
    ['missing_here', 'call-5', undefined, 4n],
    ['differing', 'call-6', 4n, 5n],
    ['differing', 'call-7', 5n, 6n],
    ['repeated', 'call-8', 6n, 8n],
  ]) // prettier-ignore
  expect(told.at(-1)).toMatchObject({
    compared: 15n,
    of: 15n,
    summary: { matched: 4n, missingHere: 1n, missingThere: 1n, differing: 2n, repeated: 1n, pending: 0n, heldSize: 9n, witnessedSize: 9n },
  }) // prettier-ignore
})

test('that a call left, and what came of it, are one call on the side of its caller, whichever of the two logs it is', async () => {
  const sent = { action: 'federation.call.sent' }
  for (const n of [1, 2]) {
    await append(b, [
      call(b, 100 + n, { direction: 'out', contentId: `call-${n}`, resource: `NodeModule/m${n}`, ...sent }),
    ])
    await called(n, { there: n === 1 ? {} : null })
  }
  await append(b, [call(b, 103, { direction: 'out', contentId: 'call-3', ...sent })])
  await append(a, [call(a, 104, { direction: 'out', contentId: 'call-4', resource: 'NodeModule/m4', ...sent })])
  await append(a, [call(a, 4, { direction: 'out' })])
  await append(b, [call(b, 4)])
  await mirror()
  await a.clock.advance(600_000)
  const told = await reconcile()
  expect(differencesIn(told)).toEqual([])
  expect(told.at(-1)?.summary).toMatchObject({ matched: 3n, unsent: 1n, missingHere: 0n, missingThere: 0n })
})

test('what the peer may not have told yet is pending: what is fresh, and what lies behind its mirror’s end', async () => {
  await called(1)
  await called(2)
  await sign(b)
  await mirror()
  await called(3, { there: null })
  await a.clock.advance(1_000)
  expect((await reconcile()).at(-1)?.summary).toMatchObject({ matched: 2n, pending: 1n, missingThere: 0n })
  await a.clock.advance(600_000)
  expect((await reconcile()).at(-1)?.summary).toMatchObject({ matched: 2n, pending: 0n, missingThere: 1n })
})

test('while nothing is mirrored nothing is missing', async () => {
  await called(1, { there: null })
  await a.clock.advance(600_000)
  expect((await reconcile()).at(-1)?.summary).toMatchObject({ pending: 1n, missingThere: 0n, heldSize: 0n })
})

test('a window has a beginning before its end, and only what lies in it is compared', async () => {
  const [early, late] = [new Date(a.clock.now().getTime() - 2 * DAY_MS), new Date(a.clock.now().getTime() - 1)]
  await called(1, { here: { at: early }, there: null })
  await called(2, { here: { at: late }, there: { at: late } })
  await mirror()
  await a.clock.advance(600_000)
  const since = timestampFromDate(new Date(early.getTime() + 1))
  expect((await reconcile({ since })).at(-1)?.summary).toMatchObject({ matched: 1n, missingThere: 0n })
  expect((await reconcile({})).at(-1)?.summary).toMatchObject({ matched: 1n, missingThere: 1n })
  const backwards = { since: timestampFromDate(late), until: timestampFromDate(early) }
  await expectRefusal(reconcile(backwards), 'WINDOW_INVALID')
})

const kinds = async () => {
  const { rows } = await sql<{ subject: string }>`select subject from outbox order by position`.execute(a.ledger.db)
  return rows.map(({ subject }) => subject.split('.')[2])
}

test('every night each difference is announced once, and what was open the night before is looked at again', async () => {
  await called(1)
  await called(2, { there: null })
  await mirror()
  const stopping = new AbortController()
  const deps = mirrorDeps(a, borderTo(b, doorsOf(b).gateway))
  const running = reconcileNightly(deps, stopping.signal)
  const count = async (kind: string) => (await kinds()).filter((one) => one === kind).length
  const night = async () => {
    const before = await count('reconciled')
    await until(async () => {
      await a.clock.advance(3_600_000)
      return (await count('reconciled')) > before
    })
  }
  await night()
  expect(await kinds()).toEqual(['reconciled', 'difference_found'])
  await called(3, { here: { at: a.clock.now() }, there: null })
  await night()
  expect(await count('difference_found')).toBe(2)
  await night()
  expect(await count('difference_found'), 'what was told is not told again').toBe(2)
  stopping.abort()
  await running
})

test('texts as long as a peer likes are compared to their ends, and told in a few words', async () => {
  const long = 'x'.repeat(30_000)
  await called(1, {
    here: { resource: `${long}1`, contentId: `${long}a` },
    there: { resource: `${long}2`, contentId: `${long}a` },
  })
  await called(2, { here: null, there: { contentId: `${long}b`, resource: long } })
  await called(3, { here: { resource: long }, there: { resource: long } })
  await mirror()
  await a.clock.advance(600_000)
  const told = await reconcile()
  const differences = differencesIn(told)
  expect(differences.map(({ kind }) => kind).toSorted()).toEqual(['differing', 'missing_here'])
  expect(told.at(-1)?.summary).toMatchObject({ matched: 1n })
  for (const { contentId, detail } of differences) expect(contentId.length + detail.length).toBeLessThan(1_000)
})

test('however many calls there are, they are compared a page at a time', async () => {
  const n = Number(process.env['RECONCILE_CALLS'] ?? 50_000)
  await called(1)
  await mirror()
  await fill(n)
  const before = process.memoryUsage().rss
  const took = elapsed()
  const told = await reconcile({ until: timestampFromDate(new Date('2026-03-02T00:00:00Z')) })
  const seconds = took() / 1_000
  expect(told.at(-1)?.summary).toMatchObject({ matched: BigInt(n) })
  expect(differencesIn(told).map(({ kind, remoteSequence }) => [kind, remoteSequence])).toEqual([
    ['missing_here', BigInt(n)],
  ])
  expect(told.length, 'progress is told').toBeGreaterThan(1)
  process.stdout.write(`reconcile: ${2 * n} entries in ${seconds.toFixed(1)} s, ${Math.round((process.memoryUsage().rss - before) / 1_048_576)} MiB more\n`) // prettier-ignore
})

/** Rows as a ledger of that size has them, without hashing each through the service. */
async function fill(n: number): Promise<void> {
  const leaf = (direction: string) =>
    sql.raw(`convert_to('{"action":"federation.call.allowed","actor":"peer/x","at":"2026-03-01T12:00:00.000Z","content_id":"' || md5(i::text) || '","direction":"${direction}","resource":"NodeModule/m' || i || '","sequence":' || i || '}', 'UTF8')`) // prettier-ignore
  await a.act(async (tx) => {
    await sql`set local statement_timeout = 0`.execute(tx)
    await sql`
      insert into entry (log_id, sequence, id, action, at, direction, leaf, leaf_hash)
      select 1, i, gen_random_uuid(), 'federation.call.allowed', '2026-03-01T12:00:00Z', 'in', l, sha256('\\x00'::bytea || l)
      from (select i, ${leaf('in')} as l from generate_series(1, ${n - 1}) i) made`.execute(tx)
    await sql`
      insert into mirror_entry (peer_id, sequence, at, direction, allowed, content_id, resource, leaf, leaf_hash)
      select ${a.peerId}, i, '2026-03-01T12:00:00Z', 'out', true, md5(i::text), 'NodeModule/m' || i, l, sha256('\\x00'::bytea || l)
      from (select i, ${leaf('out')} as l from generate_series(1, ${n}) i) made`.execute(tx)
  })
  await a.clock.advance(600_000)
}
