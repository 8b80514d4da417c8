import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { HeartbeatRequestSchema, type HeartbeatRequest } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import {
  LivenessService,
  RecordHeartbeatsRequestSchema,
  type RecordHeartbeatsRequest,
} from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { MESSAGE_MAX_BYTES, mount } from '@powernode/rpc'
import { expectRefusal, partly, startTestServer } from '@powernode/rpc/testing'
import { Heartbeats } from './heartbeats.ts'

const BEAT = create(HeartbeatRequestSchema, {
  nonce: new Uint8Array(16),
  sentAt: { seconds: 1n },
  epoch: 1n,
  incarnation: new Uint8Array(16),
  sequence: 1n,
})
const GATEWAY = { kind: 'service', name: 'federation-gateway' } as const

let heartbeats: Heartbeats
let stopping: AbortController
let running: Promise<void>
beforeEach(() => {
  heartbeats = new Heartbeats(systemClock)
  stopping = new AbortController()
})
afterEach(async () => {
  stopping.abort()
  await running
})

type Answer = (requests: AsyncIterable<RecordHeartbeatsRequest>) => AsyncGenerator<{
  heartbeats: { number: bigint; response?: { state: string } }[]
}>

/** Connects to a liveness that answers like this. */
function answering(recordHeartbeats: Answer): void {
  const impl = partly(LivenessService, { recordHeartbeats })
  const callers = {
    recordHeartbeats: ['service/federation-gateway'],
    listFreshness: [],
    beatPeer: [],
  } as const
  const server = startTestServer(mount(LivenessService, impl, callers))
  const client = server.clientAs(LivenessService, GATEWAY)
  running = heartbeats.run(client, createLogger('test', { level: 'silent' }), stopping.signal)
}

const [B, C, D] = ['b', 'c', 'd'].map((digit) => `01930000-0000-7000-8000-00000000000${digit}`) as [
  string,
  string,
  string,
] // three of three

const record = (peerId: string, timeoutMs = 5_000, beat = BEAT) =>
  heartbeats.record(peerId, beat, { timeoutMs, signal: new AbortController().signal })

test('answers find the beat they belong to, in whichever order they come', async () => {
  answering(async function* (requests) {
    const held: { number: bigint; response: { state: string } }[] = []
    for await (const { heartbeats: beats } of requests) {
      for (const { number, peerId } of beats) held.unshift({ number, response: { state: peerId } })
      if (held.length === 3) yield { heartbeats: held }
    }
  })
  const states = (await Promise.all([B, C, D].map((peerId) => record(peerId)))).map(({ state }) => state)
  expect(states).toEqual([B, C, D])
})

test('a beat that was sent when the stream broke is refused as "try again"; the next one goes over the next stream', async () => {
  let streams = 0
  answering(async function* (requests) {
    streams += 1
    for await (const { heartbeats: beats } of requests) {
      if (streams === 1) return
      yield { heartbeats: beats.map(({ number }) => ({ number, response: { state: 'active' } })) }
    }
  })
  await expectRefusal(record(B), 'SERVICE_UNAVAILABLE')
  expect((await record(B)).state).toBe('active')
})

test('a beat that comes while there is no stream waits for one', async () => {
  const early = record(B)
  answering(async function* (requests) {
    for await (const { heartbeats: beats } of requests) {
      yield { heartbeats: beats.map(({ number }) => ({ number, response: { state: 'active' } })) }
    }
  })
  expect((await early).state).toBe('active')
})

test('a beat that liveness does not answer, or could not record, is refused', async () => {
  answering(async function* (requests) {
    for await (const { heartbeats: beats } of requests) {
      yield { heartbeats: beats.filter(({ peerId }) => peerId !== C).map(({ number }) => ({ number })) }
    }
  })
  await expectRefusal(record(C, 50), 'DEADLINE_EXCEEDED')
  await expectRefusal(record(B), 'SERVICE_UNAVAILABLE')
})

test('a stopping gateway leaves no beat waiting', async () => {
  answering(async function* (requests) {
    for await (const _ of requests) yield { heartbeats: [] }
  })
  const waiting = record(B)
  stopping.abort()
  await expectRefusal(waiting, 'SERVICE_UNAVAILABLE')
})

test('one peer that says a lot costs the others nothing: too much is refused, and the rest travels in several messages', async () => {
  const saying = (bytes: number): HeartbeatRequest => {
    const platform = create(PlatformDescriptionSchema, {
      platformId: 'a'.repeat(32),
      identityKey: new Uint8Array(32),
      trustDomain: 'b.example',
      capabilities: { much: 'x'.repeat(bytes) },
    })
    return create(HeartbeatRequestSchema, { ...BEAT, platform })
  }
  const early = [...Array(12)].map(() => record(B, 5_000, saying(200_000)))
  const sizes: number[] = []
  answering(async function* (requests) {
    for await (const request of requests) {
      sizes.push(toBinary(RecordHeartbeatsRequestSchema, request).length)
      yield { heartbeats: request.heartbeats.map(({ number }) => ({ number, response: { state: 'active' } })) }
    }
  })
  await expectRefusal(record(C, 5_000, saying(1_000_000)), 'MESSAGE_TOO_LARGE')
  expect((await record(D)).state).toBe('active')
  expect(await Promise.all(early)).toHaveLength(12)
  expect(Math.max(...sizes)).toBeLessThan(MESSAGE_MAX_BYTES)
})
