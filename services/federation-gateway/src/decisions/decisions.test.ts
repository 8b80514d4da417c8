import { fromJsonString, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeClock } from '@powernode/clock/testing'
import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics } from '@powernode/process'
import { NewEntrySchema, type NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { AppendStreamRequestSchema, AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { MESSAGE_MAX_BYTES, mount, refusalOf } from '@powernode/rpc'
import { expectRefusal, partly, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { everyMethodFor } from '../../test/inner-services.ts'
import { Turns } from '../door/turns.ts'
import { outcomeEntry, sentEntry } from './call-entry.ts'
import { Decisions } from './decisions.ts'
import { aDecision, talkTo } from './testing.ts'

const GATEWAY = { kind: 'service', name: 'federation-gateway' } as const
const idOf = (n: number) => `01930000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const call = (n: number, said: Parameters<typeof aDecision>[0] = {}) =>
  outcomeEntry(aDecision({ id: idOf(n), ...said }), idOf(n))

let server: TestServer
let decisions: Decisions
let stopping: AbortController
let running: Promise<void>
/** Messages as the ledger got them. */
let messages: NewEntry[][]
let turnsAway: (entry: NewEntry) => string | undefined
let breaks: number
let lines: string[]
const metrics = () => metricsOf.registry.getSingleMetric('fed_gateway_unrecorded_total')?.get()
let metricsOf: ReturnType<typeof createMetrics>

beforeEach(() => {
  messages = []
  turnsAway = () => undefined
  breaks = 0
  lines = []
  metricsOf = createMetrics('test')
  const impl = partly(AuditLedgerService, {
    async *appendStream(requests) {
      for await (const request of requests) {
        expect(toBinary(AppendStreamRequestSchema, request).length).toBeLessThan(MESSAGE_MAX_BYTES)
        messages.push(request.entries)
        if (breaks-- > 0) return
        const refused = request.entries.flatMap((entry, index) => {
          const reason = turnsAway(entry)
          return reason === undefined ? [] : [{ index, reason }]
        })
        yield { number: request.number, refused, places: request.entries.map((_, at) => ({ sequence: BigInt(at) })) }
      }
    },
  })
  server = startTestServer(mount(AuditLedgerService, impl, everyMethodFor(AuditLedgerService, [GATEWAY_NAME])))
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  const ledger = server.clientAs(AuditLedgerService, GATEWAY)
  decisions = new Decisions({
    ledger,
    openTalk: talkTo(ledger),
    clock: systemClock,
    logger,
    metrics: metricsOf,
    turns: new Turns(),
  })
  stopping = new AbortController()
})
afterEach(async () => {
  stopping.abort()
  await running
  server.stop()
})
const GATEWAY_NAME = 'service/federation-gateway'
const run = () => void (running = decisions.run(stopping.signal))

/** As long as a peer can make each of them: code points that are four bytes, in what it names and in our sentence on it. */
const LONGEST = {
  resourceKind: '\u{10000}'.repeat(64),
  resourceId: '\u{10000}'.repeat(128),
  nodeInstanceId: 'n'.repeat(128),
  sdwanNetworkId: 'n'.repeat(128),
  destinationRegion: '\u{10000}'.repeat(64),
  detail: `"${'\\u0001'.repeat(158)}"`,
}

test('texts that a peer made as long as they can be do not make a message that the ledger turns away', async () => {
  const recorded = Array.from({ length: 1_500 }, (_, n) => decisions.record(call(n, LONGEST)))
  run()
  await Promise.all(recorded)
  expect(messages.flat()).toHaveLength(1_500)
  expect(messages.length).toBeLessThan(20)
})

test('what can never stand in a message is refused alone, and is not sent', async () => {
  run()
  const huge = decisions.record(call(1, { resourceId: 'x'.repeat(900_000) }))
  const refusal = await expectRefusal(huge, 'RECORD_UNAVAILABLE')
  expect(refusal.message).not.toMatch(/long|entry/i)
  await decisions.record(call(2))
  expect(messages.flat().map(({ id }) => id)).toEqual([idOf(2)])
})

test('an entry that the ledger turns away fails its own call alone: the caller hears that, our operators hear why', async () => {
  turnsAway = ({ id }) => (id === idOf(2) ? 'LOG_ON_HOLD' : undefined)
  const [first, second, third] = [1, 2, 3].map((n) => decisions.record(call(n)))
  run()
  expect(await first).toBe(0n)
  const error: unknown = await second?.catch((reason: unknown) => reason)
  expect(refusalOf(error)).toMatchObject({ reason: 'RECORD_UNAVAILABLE', metadata: {} })
  expect(refusalOf(error)?.message).not.toMatch(/hold|log/i)
  expect(await third).toBe(2n)
  expect(messages).toHaveLength(1)
  const line = lines.find((text) => text.includes('LOG_ON_HOLD'))
  expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'warn', decision_id: idOf(2), msg: expect.stringMatching(/on hold/) }) // prettier-ignore
  expect((await metrics())?.values).toMatchObject([{ labels: { why: 'LOG_ON_HOLD' }, value: 1 }])
})

test('what was sent and not answered is sent again as it was', async () => {
  breaks = 1
  const recorded = decisions.record(call(1))
  run()
  await recorded
  const [first, second] = messages.map(([entry]) => toBinary(NewEntrySchema, entry!))
  expect(second).toEqual(first)
})

test('whoever waits in vain is refused, and what was not sent is not sent later', async () => {
  const refusal = expectRefusal(decisions.record(call(1)), 'RECORD_UNAVAILABLE')
  const silent = startTestServer().clientAs(AuditLedgerService, GATEWAY)
  const clock = new FakeClock(systemClock.now())
  const alone = new Decisions({ ledger: silent, openTalk: talkTo(silent), clock, logger: createLogger('test', { level: 'silent' }), metrics: createMetrics('test'), turns: new Turns() }) // prettier-ignore
  const inVain = expectRefusal(alone.record(call(2)), 'RECORD_UNAVAILABLE')
  const ended = new AbortController()
  ended.abort()
  await alone.run(ended.signal)
  await inVain
  stopping.abort()
  run()
  await refusal
  expect(messages).toEqual([])
})

test('a call of ours is two entries with one content id: that it left says nothing of what came of it', () => {
  const record = aDecision({ direction: 'out', remoteDecisionId: idOf(9) })
  const [left, ended] = [sentEntry(record), outcomeEntry(record, record.id)]
  expect(ended).toMatchObject({ id: record.id, action: 'federation.call.allowed', contentId: record.id, actor: 'platform', remoteId: idOf(9) }) // prettier-ignore
  expect(left).toMatchObject({ action: 'federation.call.sent', contentId: record.id, decisionId: record.id })
  expect(left.id).toBe('01930000-0000-8000-8000-000000000001')
  const said = fromJsonString(DecisionSchema, Buffer.from(left.payload).toString())
  expect(said).toMatchObject({ id: record.id, allowed: false, reason: 'SENT' })
})
