import { rateLimit } from '@powernode/rpc'
import { Metadata, status as Status, type ServerInterceptingCallInterface } from '@grpc/grpc-js'
import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createLogger, createMetrics } from '@powernode/process'
import { PeerTable } from '../peers/peer-table.ts'
import { Arrivals } from './arrivals.ts'
import { attendance } from './attend.ts'
import type { Visitor } from './visitor.ts'
import { createRecorder, visits } from './visit.ts'

const PATH = '/powernode.federation.v1.FederationService/Accept'
const VISITOR: Visitor = { remoteAddress: '', source: '', countedAs: '', identity: { kind: 'nobody' } }
const HEARD = { onReceiveMetadata: () => {}, onReceiveMessage: () => {}, onCancel: () => {} }

/** Works whose turn has not come yet. */
let waiting: (() => void)[]
let handled: number
beforeEach(() => {
  waiting = []
  handled = 0
})

/** A call of a stranger to the door, as far as the library has it; what the library would do with it, the test does. */
function arrive() {
  const attend = attendance({
    table: new PeerTable(),
    clock: systemClock,
    record: createRecorder({ logger: createLogger('test', { level: 'silent' }), metrics: createMetrics('test') }),
    visits,
    isServed: () => true,
    isTalk: () => false,
    arrivals: new Arrivals(1_000),
    turns: { take: (work) => void waiting.push(work) },
    calls: { messageBytes: 1_000, defaultDeadlineMs: 1_000, maxDeadlineMs: 1_000 },
    limits: { callsPerPeer: rateLimit(9, 1), ledgerCallsPerPeer: rateLimit(9, 1), acceptsPerSource: rateLimit(9, 1) },
  })
  let listener: Parameters<ServerInterceptingCallInterface['start']>[0] | undefined
  const call = {
    start: (heard: typeof listener) => void (listener = heard),
    sendStatus: () => {},
  } as unknown as ServerInterceptingCallInterface // all of it that is used
  const descriptor = { path: PATH, requestStream: false, responseStream: false } as Parameters<
    ReturnType<typeof attend>
  >[0]
  attend({ visitor: VISITOR, end: () => {} })(descriptor, call).start({
    ...HEARD,
    onReceiveHalfClose: () => void (handled += 1),
  })
  listener?.onReceiveMetadata(new Metadata())
  listener?.onReceiveHalfClose()
  return { call, listener }
}

test('a call is handled in its turn', () => {
  arrive()
  expect(handled).toBe(0)
  waiting.shift()?.()
  expect(handled).toBe(1)
})

test('whoever hangs up before the turn of its call is not worked for', () => {
  arrive().listener?.onCancel()
  waiting.shift()?.()
  expect(handled).toBe(0)
})

test('a call whose deadline has passed before its turn is not worked for', () => {
  arrive().call.sendStatus({ code: Status.DEADLINE_EXCEEDED, details: 'Deadline exceeded', metadata: null })
  waiting.shift()?.()
  expect(handled).toBe(0)
})
