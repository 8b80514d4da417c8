import { create } from '@bufbuild/protobuf'
import { until } from '@powernode/events/testing'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { ServiceImpl } from '@connectrpc/connect'
import { Refusal } from '@powernode/rpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startErrands } from '../../test/errands.ts'
import { federate, owed } from '../../test/handshake.ts'
import { BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { DAY_MS } from '../invitation.ts'
import type { Notice } from '../notice.ts'
import { declareCompromise } from '../operations/declare-compromise.ts'
import { receiveCompromise } from '../operations/receive-compromise.ts'
import { receiveRevocation } from '../operations/receive-revocation.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import * as errands from '../store/errands.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import * as notices from '../store/notices.ts'

let a: TestPlatform
let b: TestPlatform
let end: () => Promise<void> = () => Promise.resolve()
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(async () => {
  await end()
  end = () => Promise.resolve()
  await Promise.all([a.drop(), b.drop()])
})

type Answers = Pick<ServiceImpl<typeof FederationService>, 'notifyCompromise'>['notifyCompromise']

const declare = () =>
  a.act(
    (tx, now) =>
    declareCompromise(tx, now, { summary: 'broken into', affected: [], advice: '', discoveredAt: now, peerIds: [], by: BY }), // prettier-ignore
  )
const only = async (notice: Notice) =>
  (await a.act((tx) => deliveries.listOf(tx, notice, { afterId: undefined, limit: 99 })))[0]!
const untilTimePasses = (isSo: () => Promise<boolean>) =>
  until(async () => {
    await a.clock.advance(1_000)
    return isSo()
  })
const isSettled = async (notice: Notice) => (await only(notice)).status !== 'owed'
/** What b's gateway would answer. */
const heardBy = (onB: string): Answers => async ({ notice }) => ({
  receipt: await b.act((tx, now) => receiveCompromise(tx, now, { us: b.us, by: BY, peerId: onB, notice: notice! })),
}) // prettier-ignore
const theirs = (reason: string) => new Refusal('PEER_REFUSED', 'they say no', { metadata: { peer_reason: reason } })

test('a partner that was away is told as soon as it is back, of everything in its order, and its receipts are kept', async () => {
  const { onA, onB } = await federate(a, b)
  const one = await declare()
  await a.clock.advance(1)
  const two = await declare()
  let isAway = true
  end = startErrands(a, {
    notifyCompromise: (request, context) => {
      if (isAway) throw new Refusal('PEER_UNREACHABLE', 'no road')
      return heardBy(onB)(request, context)
    },
  })
  await untilTimePasses(async () => (await only(one)).attempts >= 3)
  expect(await only(one)).toMatchObject({ status: 'owed', lastError: 'PEER_UNREACHABLE: no road' })
  isAway = false
  await untilTimePasses(() => isSettled(two))
  expect(await only(one)).toMatchObject({ status: 'delivered', receipt: expect.any(Buffer), lastError: '' })
  expect((await only(one)).attempts).toBeGreaterThan(3)
  const heard = await b.act((tx) => notices.list(tx, { direction: 'received', kind: 'compromise', peerId: undefined, beforeId: undefined, limit: 9 })) // prettier-ignore
  expect(heard.map(({ senderId }) => senderId)).toEqual([two.id, one.id])
  await until(async () => (await a.act((tx) => errands.find(tx, onA, 'notify_compromise'))) === undefined)
})

test('an answer that was lost, or is no receipt of theirs, is no answer: it is told again, and they keep it once', async () => {
  const { onB } = await federate(a, b)
  const notice = await declare()
  const answers: Answers[] = [
    async (request, context) => {
      await heardBy(onB)(request, context)
      throw new Refusal('PEER_UNREACHABLE', 'the answer was lost')
    },
    () => ({}),
    ({ notice: said }) => ({ receipt: said ?? create(EnvelopeSchema) }),
    heardBy(onB),
  ]
  let told = 0
  end = startErrands(a, {
    notifyCompromise: (request, context) => answers[Math.min(told++, answers.length - 1)]!(request, context),
  })
  await untilTimePasses(() => isSettled(notice))
  expect(told).toBe(4)
  expect(await only(notice)).toMatchObject({ status: 'delivered', attempts: 4 })
  const heard = await b.act((tx) => notices.list(tx, { direction: 'received', kind: undefined, peerId: undefined, beforeId: undefined, limit: 9 })) // prettier-ignore
  expect(heard.length).toBe(1)
})

test('whoever has ended the peering is not told; who refuses for any other reason is told again and again', async () => {
  const { onA } = await federate(a, b)
  const notice = await declare()
  let says = 'NOTICE_INVALID'
  end = startErrands(a, { notifyCompromise: () => Promise.reject(theirs(says)) })
  await untilTimePasses(async () => (await only(notice)).attempts >= 2)
  expect((await only(notice)).status).toBe('owed')
  says = 'PEER_REVOKED'
  await untilTimePasses(() => isSettled(notice))
  expect(await only(notice)).toMatchObject({ status: 'given_up', lastError: 'PEER_REVOKED: they say no' })
  expect(await a.act((tx) => errands.find(tx, onA, 'notify_compromise'))).toBeUndefined()
})

test('a notice that a partner holds to be invalid keeps none after it from being heard', async () => {
  const { onB } = await federate(a, b)
  const one = await declare()
  await a.clock.advance(1)
  const two = await declare()
  let first: string | undefined
  end = startErrands(a, {
    notifyCompromise: (request, context) => {
      const said = Buffer.from(request.notice?.payload ?? []).toString('hex')
      first ??= said
      return said === first ? Promise.reject(theirs('NOTICE_INVALID')) : heardBy(onB)(request, context)
    },
  })
  await untilTimePasses(() => isSettled(two))
  expect((await only(two)).status).toBe('delivered')
  await untilTimePasses(async () => (await only(one)).attempts >= 1)
  expect(await only(one)).toMatchObject({ status: 'owed', lastError: 'NOTICE_INVALID: they say no' })
})

test('a partner that never answers is given up after a month, with what was wrong', async () => {
  const { onA } = await federate(a, b)
  const notice = await declare()
  end = startErrands(a, { notifyCompromise: () => Promise.reject(new Refusal('PEER_UNREACHABLE', 'no road')) })
  await untilTimePasses(async () => (await only(notice)).attempts >= 1)
  await a.clock.advance(30 * DAY_MS)
  await untilTimePasses(() => isSettled(notice))
  expect(await only(notice)).toMatchObject({ status: 'given_up', lastError: 'PEER_UNREACHABLE: no road' })
  expect(await a.act((tx) => errands.find(tx, onA, 'notify_compromise'))).toBeUndefined()
})

test('a notice of revocation is kept by both sides, with the receipt of the other one; a false receipt proves nothing', async () => {
  for (const isHonest of [true, false]) {
    const c = await startPlatform(`c-${isHonest}.example`, { clock: a.clock })
    const { onA, onB: onC } = await federate(a, c)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: 'we part' }))
    const { statement } = await owed(a, onA, 'notify_revocation')
    const stop = startErrands(a, {
      notifyRevocation: async ({ notice }) => ({
        receipt: await c.act(
          (tx, now) =>
          receiveRevocation(tx, now, { us: isHonest ? c.us : { ...c.us, key: a.us.key }, by: BY, peerId: onC, notice: notice! }), // prettier-ignore
        ),
      }),
    })
    const sent = (await a.act((tx) => notices.findRevocation(tx, onA, 'sent')))!
    await untilTimePasses(() => isSettled(sent))
    expect(sent).toMatchObject({ kind: 'revocation', summary: 'we part', declaredBy: BY.actor, dueAt: null })
    const delivery = await only(sent)
    expect(delivery).toMatchObject({ status: 'delivered', statement })
    expect(delivery.receipt !== null).toBe(isHonest)
    const heard = await c.act((tx) => notices.findRevocation(tx, onC, 'received'))
    expect(heard).toMatchObject({ statement, summary: 'we part', declaredAt: sent.declaredAt, peerId: onC })
    await stop()
    await c.drop()
  }
})
