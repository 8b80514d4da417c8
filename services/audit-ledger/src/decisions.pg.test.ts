import { create, toJson, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { sentEntryId } from '@powernode/ledger'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { NewEntrySchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { expectRefusal, startTestServer, type TestServer } from '@powernode/rpc/testing'
import canonicalize from 'canonicalize'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDoor, type Door } from './append/testing.ts'
import { runOut } from './operations/erase/run-out.ts'
import { keepCheckpoints } from './operations/sign/keep-checkpoints.ts'
import * as entries from './store/entries.ts'
import * as logs from './store/logs.ts'
import type { Tables } from './store/tables.ts'
import { sweepRunOut } from './sweeps/erasures.ts'
import { NOW, testLedger } from './testing.ts'

type Said = MessageInitShape<typeof DecisionSchema>

let ledger: TestDatabase<Tables>
let server: TestServer
let door: Door
let clock: FakeClock

beforeEach(async () => {
  ledger = await testLedger()
  clock = new FakeClock(NOW)
  door = await openDoor({ url: ledger.url, clock, isAlone: true })
  server = startTestServer(door.mount)
})
afterEach(async () => {
  server.stop()
  await door.stop()
  await ledger.drop()
})

const gateway = () => server.clientAs(AuditLedgerService, { kind: 'service', name: 'federation-gateway' })
const reader = () => server.clientAs(AuditLedgerService, { kind: 'operator', name: 'alice' })
const PEER = '01930000-0000-7000-8000-0000000000aa'
const OTHER = '01930000-0000-7000-8000-0000000000bb'
const idOf = (n: number) => `01930000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const minutesAgo = (n: number) => timestampFromDate(new Date(NOW.getTime() - n * 60_000))

/** The nth decision of a test, n minutes ago. */
const decision = (n: number, some: Said = {}): Said => ({
  id: idOf(n),
  peerId: PEER,
  direction: 'in',
  at: minutesAgo(n),
  allowed: true,
  reason: 'ALLOWED',
  ...some,
})

/** As the gateway tells it. */
function entryOf(said: Said): MessageInitShape<typeof NewEntrySchema> {
  const wire = create(DecisionSchema, said)
  const { id, peerId: log, at, direction, allowed, reason, remoteDecisionId: remoteId, resourceKind, resourceId } = wire
  const outcome = reason === 'SENT' ? 'sent' : allowed ? 'allowed' : 'refused'
  return {
    id: reason === 'SENT' ? sentEntryId(id) : id,
    log,
    action: `federation.call.${outcome}`,
    ...(at && { at }),
    actor: direction === 'in' ? `peer/${log}` : 'platform',
    direction,
    decisionId: id,
    contentId: direction === 'in' ? remoteId || id : id,
    remoteId,
    resource: resourceKind && `${resourceKind}/${resourceId}`,
    payload: Buffer.from(canonicalize(toJson(DecisionSchema, wire, { useProtoFieldName: true })) ?? ''),
  }
}

async function record(...decisions: Said[]): Promise<bigint[]> {
  return recordAll([decisions])
}

async function recordAll(messages: readonly Said[][]): Promise<bigint[]> {
  const requests = async function* () {
    for (const [at, said] of messages.entries()) yield { number: BigInt(at + 1), entries: said.map(entryOf) }
  }
  const answered: bigint[] = []
  for await (const { number } of gateway().appendStream(requests())) answered.push(number)
  return answered
}

const numbers = async (asked: Parameters<ReturnType<typeof reader>['listDecisions']>[0]) =>
  (await reader().listDecisions(asked)).decisions.map(({ id }) => Number.parseInt(id.slice(-4), 16))

test('a decision comes back as it was told, every field of it', async () => {
  const said = create(DecisionSchema, {
    ...decision(1, { allowed: false, reason: 'SCOPE_MISMATCH', direction: 'out' }),
    axis: 'network',
    detail: 'no bridge',
    rpc: 'GetResource',
    resourceKind: 'NodeModule',
    resourceId: 'm-1',
    scope: 'read',
    nodeInstanceId: 'n-1',
    sdwanNetworkId: 'net-1',
    sourceAddress: '192.0.2.7',
    grantId: 'g-1',
    dataClass: 'general',
    resourceRegion: 'eu',
    destinationRegion: 'us',
    residencyMode: 'advise',
    residencyRuleId: 'r-1',
    advised: true,
    overrideId: 'o-1',
    requestId: 'q-1',
    traceparent: '00-a-b-01',
    policyEpoch: 42n,
    remoteDecisionId: idOf(99),
  })
  expect(await record(said)).toEqual([1n])
  expect((await reader().getDecision({ decisionId: idOf(1) })).decision).toEqual(said)
  expect((await reader().getDecision({ decisionId: idOf(99) })).decision?.id).toBe(idOf(1))
})

test('a decision of an id that nobody gave is not found', async () => {
  await expectRefusal(reader().getDecision({ decisionId: idOf(1) }), 'DECISION_NOT_FOUND')
})

test('each message is answered once all of it is durable, and repeating it changes nothing', async () => {
  expect(await recordAll([[decision(1), decision(2)], [decision(3)]])).toEqual([1n, 2n])
  expect(await record(decision(2), decision(2, { reason: 'GRANT_REVOKED', allowed: false }), decision(4))).toEqual([1n])
  expect(await numbers({})).toEqual([1, 2, 3, 4])
  expect((await reader().getDecision({ decisionId: idOf(2) })).decision?.reason).toBe('ALLOWED')
})

test('a call of ours is one call: what came of it, and while that is not there, that it left', async () => {
  const ours: Said = { direction: 'out', allowed: false, reason: 'SENT' }
  await record(decision(1, ours), decision(2, ours))
  expect(await numbers({})).toEqual([1, 2])
  expect((await reader().getDecision({ decisionId: idOf(1) })).decision?.reason).toBe('SENT')
  await record(decision(1, { direction: 'out' }))
  expect(await numbers({})).toEqual([1, 2])
  expect(await numbers({ refusedOnly: true })).toEqual([])
  expect((await reader().getDecision({ decisionId: idOf(1) })).decision?.reason).toBe('ALLOWED')
  expect((await reader().getDecision({ decisionId: idOf(2) })).decision?.reason).toBe('SENT')
})

test('what is turned away in a message keeps nothing else of it from being written', async () => {
  const tooLarge = entryOf(decision(2, { resourceKind: 'x'.repeat(70_000) }))
  async function* requests() {
    yield { number: 1n, entries: [entryOf(decision(1)), tooLarge, entryOf(decision(3))] }
  }
  for await (const { places, refused } of gateway().appendStream(requests())) {
    expect(places.map(({ sequence }) => sequence)).toEqual([0n, 0n, 1n])
    expect(refused).toMatchObject([{ index: 1, reason: 'ENTRY_TOO_LARGE' }])
  }
  expect(await numbers({})).toEqual([1, 3])
})

test('a thousand decisions in one message are durable in one go, and gateways share commits', async () => {
  const many = Array.from({ length: 1_000 }, (_, n) => decision(n + 1))
  await Promise.all([record(...many), record(decision(5_000)), record(decision(5_001))])
  const { rows } = await sql<{ n: number }>`select count(*) as n from entry`.execute(ledger.db)
  expect(rows[0]?.n).toBe(1_002)
})

test('decisions are listed by peer, direction, outcome and time, the newest first', async () => {
  const refused: Said = { allowed: false, reason: 'GRANT_UNKNOWN' }
  await record(
    decision(1),
    decision(2, refused),
    decision(3, { direction: 'out' }),
    decision(4, { peerId: OTHER }),
    decision(31 * 24 * 60),
  )
  expect(await numbers({})).toEqual([1, 2, 3, 4])
  expect(await numbers({ peerId: PEER })).toEqual([1, 2, 3])
  expect(await numbers({ direction: 'out' })).toEqual([3])
  expect(await numbers({ refusedOnly: true })).toEqual([2])
  expect(await numbers({ since: minutesAgo(3), until: minutesAgo(1) })).toEqual([2, 3])
  expect(await numbers({ since: minutesAgo(60 * 24 * 60) })).toHaveLength(5)
})

test('pages hold everything once each, also what was decided in the same millisecond, whatever comes in meanwhile', async () => {
  const at = minutesAgo(1)
  await record(...Array.from({ length: 25 }, (_, n) => decision(n + 1, { at })))
  const seen: string[] = []
  for (let pageToken = '', first = true; first || pageToken; first = false) {
    const page = await reader().listDecisions({ pageSize: 10, pageToken })
    seen.push(...page.decisions.map(({ id }) => id))
    pageToken = page.nextPageToken
    await record(decision(100 + seen.length, { at: timestampFromDate(NOW) }))
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => idOf(25 - n)))
  await expectRefusal(reader().listDecisions({ pageToken: 'mine' }), 'PAGE_TOKEN_INVALID')
})

/** Signs what is there, as of so many days ago. */
const signedDaysAgo = (days: number) =>
  inTransaction(ledger.db, async (tx) => {
    const log = await logs.find(tx, PEER)
    const size = await entries.size(tx, log!.id)
    const signedAt = new Date(NOW.getTime() - days * 86_400_000)
    await keepCheckpoints(tx, NOW, [{ logId: log!.id, size, root: Buffer.alloc(32), note: 'a note', signedAt }])
  })

test('by what calls were decided goes 35 days after it was written, in bounded stretches; that they were made stays', async () => {
  await record(decision(1), decision(2), decision(3))
  await signedDaysAgo(36)
  await record(decision(4))
  await signedDaysAgo(34)
  const erased: number[] = []
  for (let after: string | undefined = ''; after !== undefined;) {
    const asked = { after, logs: 10, entries: 2 }
    const round: Awaited<ReturnType<typeof runOut>> = await inTransaction(ledger.db, (tx) => runOut(tx, NOW, asked))
    after = round.after
    erased.push(round.erased)
  }
  expect(erased).toEqual([2, 1])
  expect(await numbers({})).toEqual([4])
  await expectRefusal(reader().getDecision({ decisionId: idOf(1) }), 'DECISION_NOT_FOUND')
  const { entries: left } = await reader().listEntries({ log: PEER })
  expect(left.map(({ action, payload, erased }) => [action, payload.length > 0, erased?.reason])).toEqual([
    ...[1, 2, 3].map(() => ['federation.call.allowed', false, 'kept for 35 days']),
    ['federation.call.allowed', true, undefined],
  ])
  expect(await record(decision(2))).toEqual([1n]) // told again, it changes nothing
})

test('the sweep looks every hour', async () => {
  await record(decision(1))
  await signedDaysAgo(34.98)
  const stop = new AbortController()
  const sweepClock = new FakeClock(NOW)
  const logger = createLogger('test', { level: 'silent' })
  const sweeping = sweepRunOut({ db: ledger.db, clock: sweepClock, logger }, stop.signal)
  await sweepClock.sleeping()
  expect(await numbers({})).toEqual([1])
  await sweepClock.advance(3_600_000)
  await sweepClock.sleeping()
  expect(await numbers({})).toEqual([])
  stop.abort()
  await sweeping
})

test('the leaf of a call says what it was about and its outcome, and nothing that only our operators may know', async () => {
  await record(
    decision(1, {
      allowed: false,
      reason: 'GRANT_REVOKED',
      detail: 'the secret reason',
      resourceKind: 'skill',
      resourceId: 's-1',
      remoteDecisionId: idOf(99),
    }),
  )
  const { entry } = await reader().getEntry({ id: idOf(99) })
  expect(JSON.parse(Buffer.from(entry!.leaf).toString())).toEqual({
    action: 'federation.call.refused',
    actor: `peer/${PEER}`,
    at: new Date(NOW.getTime() - 60_000).toISOString(),
    content_id: idOf(99),
    decision_id: idOf(1),
    direction: 'in',
    payload_sha256: expect.any(String),
    resource: 'skill/s-1',
    sequence: 0,
  })
  const { rows } = await sql<{ disclosed: boolean }>`select disclosed from payload`.execute(ledger.db)
  expect(rows).toEqual([{ disclosed: false }])
})
