import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { expectRefusal, refusesEverybodyElse } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDoors } from '../../test/door.ts'
import { federate, peerOn } from '../../test/handshake.ts'
import { BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { checkNoticeReceipt } from '../notice-statements.ts'
import { declareCompromise } from '../operations/declare-compromise.ts'
import { owedCompromises } from '../operations/owed-compromises.ts'
import { receiveCompromise } from '../operations/receive-compromise.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { keepReceipt } from '../operations/settle-compromise.ts'
import { NOTICE_CALLERS } from './notices.ts'

const ALICE = { kind: 'operator', name: 'alice' } as const
const GATEWAY = { kind: 'service', name: 'federation-gateway' } as const

let a: TestPlatform
let b: TestPlatform
let doors: ReturnType<typeof openDoors>
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  doors = openDoors(a)
})
afterEach(async () => {
  await doors.close()
  await Promise.all([a.drop(), b.drop()])
})

const noticesAs = (caller: Parameters<typeof doors.clientAs>[1] = ALICE) => doors.clientAs(NoticeService, caller)
const SAID = { summary: 'our signing host was broken into', affected: ['keys', 'grants'], advice: 'renew' }

test('nobody calls but those in the table', async () => {
  await refusesEverybodyElse(NoticeService, NOTICE_CALLERS, doors.clientAs)
})

test('a rehearsal says who would be told, and nobody is', async () => {
  const { onA } = await federate(a, b)
  const before = await everything(a)
  const { notice } = await noticesAs().declareCompromise({ ...SAID, dryRun: true })
  expect(notice).toMatchObject({ ...SAID, owed: 1, declaredBy: 'operator/alice' })
  expect(notice?.deliveries).toMatchObject([{ peerId: onA, status: 'owed', attempts: 0, receipted: false }])
  expect(await everything(a)).toEqual(before)
})

test('what was declared is shown with whom it has reached, and in the list with how many', async () => {
  const { onA } = await federate(a, b)
  const { notice: declared } = await noticesAs().declareCompromise(SAID)
  const { notice } = await noticesAs().getNotice({ id: declared!.id })
  expect(notice).toEqual(declared)
  expect(notice?.deliveries).toMatchObject([{ peerId: onA, peerName: 'the platform of b.example', status: 'owed' }])
  const { notices } = await noticesAs().listNotices({})
  expect(notices).toMatchObject([{ id: declared!.id, owed: 1, delivered: 0, givenUp: 0, deliveries: [] }])
  await expectRefusal(noticesAs().getNotice({ id: onA }), 'NOTICE_NOT_FOUND')
  await expectRefusal(noticesAs().declareCompromise({ ...SAID, affected: ['Not A Word'] }), 'REQUEST_INVALID')
  await expectRefusal(noticesAs().declareCompromise({ ...SAID, peerIds: ['b'] }), 'REQUEST_INVALID')
})

test('whom a notice has reached comes page by page', async () => {
  const c = await startPlatform('c.example', { clock: a.clock })
  const partners = [(await federate(a, b)).onA, (await federate(a, c)).onA]
  const { notice: declared } = await noticesAs().declareCompromise(SAID)
  const first = await noticesAs().getNotice({ id: declared!.id, pageSize: 1 })
  const second = await noticesAs().getNotice({ id: declared!.id, pageSize: 1, pageToken: first.nextPageToken })
  const told = [first, second].flatMap(({ notice }) => notice!.deliveries.map(({ peerId }) => peerId))
  expect(told).toEqual(partners.toSorted((one, other) => one.localeCompare(other)))
  expect([first.notice?.owed, second.notice?.owed, second.nextPageToken]).toEqual([2, 2, ''])

  const inList = async () => (await noticesAs().listNotices({})).notices[0]
  expect((await inList())?.lastDeliveredAt, 'nobody has heard it').toBeUndefined()
  const heardAt = []
  for (const [peerId, theirs] of [
    [partners[1]!, c],
    [partners[0]!, b],
  ] as const) {
    await a.clock.advance(3_600_000)
    heardAt.push(await hears(peerId, theirs))
    expect((await inList())?.lastDeliveredAt).toEqual(timestampFromDate(heardAt.at(-1)!))
  }
  expect(await inList()).toMatchObject({ owed: 0, delivered: 2, givenUp: 0 })
  const { notice: whole } = await noticesAs().getNotice({ id: declared!.id })
  expect(whole?.lastDeliveredAt).toEqual(timestampFromDate(heardAt[1]!))
  await c.drop()
})

/** A partner hears what it is owed, and we keep its receipt. */
async function hears(onA: string, theirs: TestPlatform): Promise<Date> {
  const { remotePeerId } = await peerOn(a, onA)
  const [owed] = await a.act((tx) => owedCompromises(tx, a.us, onA))
  const said = { us: theirs.us, by: BY, peerId: remotePeerId!, notice: owed!.statement }
  const receipt = await theirs.act((tx, now) => receiveCompromise(tx, now, said))
  await a.act((tx, now) => keepReceipt(tx, now, { ...owed!, peerId: onA, receipt, attempts: 1 }))
  return a.clock.now()
}

test('the list comes page by page, the newest first, and can be asked for one direction or kind', async () => {
  const { onA } = await federate(a, b)
  for (let at = 0; at < 5; at++) {
    await noticesAs().declareCompromise({ ...SAID, summary: `number ${at}` })
    await a.clock.advance(1)
  }
  await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: 'we part' }))
  const seen: string[] = []
  let pageToken = ''
  do {
    const page = await noticesAs().listNotices({ pageSize: 4, pageToken })
    seen.push(...page.notices.map(({ summary }) => summary))
    ;({ nextPageToken: pageToken } = page)
  } while (pageToken !== '')
  expect(seen).toEqual(['we part', 'number 4', 'number 3', 'number 2', 'number 1', 'number 0'])
  const revocations = (await noticesAs().listNotices({ kind: 'revocation' })).notices
  expect(revocations).toMatchObject([{ kind: 'revocation', peerId: onA, owed: 1 }])
  expect((await noticesAs().listNotices({ direction: 'received' })).notices).toEqual([])
  expect((await noticesAs().listNotices({ peerId: onA })).notices).toEqual(revocations)
  await expectRefusal(noticesAs().listNotices({ peerId: 'b' }), 'REQUEST_INVALID')
  await expectRefusal(noticesAs().listNotices({ pageToken: 'x' }), 'PAGE_TOKEN_INVALID')
})

test('what a partner says comes in through the gateway, and goes out as a receipt', async () => {
  const { onA, onB } = await federate(a, b)
  await b.act((tx, now) => declareCompromise(tx, now, { ...SAID, discoveredAt: now, peerIds: [], by: BY }))
  const [owed] = await b.act((tx) => owedCompromises(tx, b.us, onB))
  const envelope = toBinary(EnvelopeSchema, owed!.statement)
  const { receipt } = await noticesAs(GATEWAY).receiveCompromise({ peerId: onA, envelope })
  checkNoticeReceipt(fromBinary(EnvelopeSchema, receipt), { identityKey: a.us.key.publicKey, platformId: a.platformId }, owed!.statement) // prettier-ignore
  const { notices } = await noticesAs().listNotices({ direction: 'received', peerId: onA })
  expect(notices).toMatchObject([{ ...SAID, peerId: onA, senderId: owed!.noticeId, direction: 'received' }])
  await expectRefusal(noticesAs(GATEWAY).receiveCompromise({ peerId: onA, envelope: Buffer.from('garbage') }), 'NOTICE_INVALID') // prettier-ignore
  const empty = toBinary(EnvelopeSchema, create(EnvelopeSchema, { payloadType: 'x' }))
  await expectRefusal(noticesAs(GATEWAY).receiveCompromise({ peerId: onA, envelope: empty }), 'NOTICE_INVALID')
})
