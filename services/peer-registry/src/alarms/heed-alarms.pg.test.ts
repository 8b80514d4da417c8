import { create } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { until } from '@powernode/events/testing'
import { newId } from '@powernode/postgres'
import { testListener } from '@powernode/postgres/testing'
import { createLogger } from '@powernode/process'
import { ForkDetectedSchema } from '@powernode/proto/powernode/audit/v1/events_pb.ts'
import { ListAlarmsResponseSchema } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate, peerOn } from '../../test/handshake.ts'
import { announced, BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { resumePeer } from '../operations/resume-peer.ts'
import type { ForkPolicy } from '../operations/heed-alarm.ts'
import { forkDetected } from '../subscriptions.ts'
import { heedAlarms, type Alarms } from './heed-alarms.ts'

type Open = { id: string; peerId: string; whose: string; kind: string }

let a: TestPlatform
let b: TestPlatform
let peerId: string
let open: Open[]
let failure: Error | undefined
let asked: number
let stopping: AbortController
let running: Promise<unknown>

const alarms: Alarms = {
  async listAlarms() {
    asked += 1
    if (failure) throw failure
    return create(ListAlarmsResponseSchema, { alarms: open })
  },
}

beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  ;({ onA: peerId } = await federate(a, b))
  open = []
  asked = 0
  failure = undefined
  stopping = new AbortController()
})
afterEach(async () => {
  stopping.abort()
  await running
  await Promise.all([a.drop(), b.drop()])
})

/** Two replicas, as in production. */
async function start(policy: ForkPolicy = 'suspend'): Promise<void> {
  const logger = createLogger('test', { level: 'silent' })
  const { db, url, clock } = a
  const deps = { db, listener: testListener({ url, schema: 'peer_registry', clock }), alarms, clock, logger }
  running = Promise.all([
    heedAlarms({ ...deps, policy }, stopping.signal),
    heedAlarms({ ...deps, policy }, stopping.signal),
  ])
  await until(async () => asked >= 2)
}

const fork = (said: Partial<Open> = {}): Open => ({
  id: newId(a.clock.now()),
  peerId,
  whose: 'theirs',
  kind: 'fork',
  ...said,
})
const ring = () =>
  a.act((tx, now) => forkDetected.handle(tx, now, create(ForkDetectedSchema, { peerId }), create(EventSchema)))
const state = async () => (await peerOn(a, peerId)).state

test('a peer whose ledger forks is suspended, once, with the alarm as the reason', async () => {
  await start()
  const alarm = fork()
  open = [alarm]
  await ring()
  await until(async () => (await state()) === 'suspended')
  expect((await peerOn(a, peerId)).reason).toContain(alarm.id)
  await ring()
  await until(async () => asked >= 6)
  expect((await announced(a)).filter((word) => word === 'peer.suspended')).toEqual(['peer.suspended'])
})

test('what an operator resumed is not suspended again for the alarm that was seen, but for the next one it is', async () => {
  await start()
  open = [fork({ kind: 'rollback' })]
  await ring()
  await until(async () => (await state()) === 'suspended')
  await a.act((tx, now) => resumePeer(tx, now, { by: BY, peerId, reason: '' }))
  const before = asked
  await ring()
  await until(async () => asked >= before + 2)
  expect(await state()).not.toBe('suspended')
  open = [...open, fork()]
  await ring()
  await until(async () => (await state()) === 'suspended')
})

test('an event alone suspends nobody: what audit-ledger does not confirm did not happen', async () => {
  await start()
  open = [fork({ whose: 'ours' }), fork({ kind: 'unsigned' }), fork({ peerId: newId(a.clock.now()) })]
  const before = asked
  await ring()
  await until(async () => asked >= before + 2)
  await ring()
  await until(async () => asked >= before + 4)
  expect(await state()).not.toBe('suspended')
})

test('a platform that only wants to know suspends nobody', async () => {
  await start('alert')
  open = [fork()]
  const before = asked
  await ring()
  await until(async () => asked >= before + 2)
  await ring()
  await until(async () => asked >= before + 4)
  expect(await state()).not.toBe('suspended')
})

test('an event that was lost costs a minute, and a ledger that is away is asked again', async () => {
  failure = new ConnectError('away', Code.Unavailable)
  await start()
  open = [fork()]
  await a.clock.sleeping(2)
  failure = undefined
  await a.clock.advance(60_000)
  await until(async () => (await state()) === 'suspended')
})
