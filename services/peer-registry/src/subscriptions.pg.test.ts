import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import {
  PeerBundleOutdatedSchema,
  PeerDescribedSchema,
  PeerHeardSchema,
  PeerUnreachableSchema,
} from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate, owed, peerOn } from '../test/handshake.ts'
import { everything, startPlatform, type TestPlatform } from '../test/platform.ts'
import { stranger } from '../test/stranger.ts'
import { bundleOutdated, described, heard, unreachable } from './subscriptions.ts'
import { descriptionOf } from './wire-description.ts'

let a: TestPlatform
let b: TestPlatform
let peerId: string
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  ;({ onA: peerId } = await federate(a, b))
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const about = (id = peerId, at = a.clock.now()) => create(EventSchema, { peerId: id, at: timestampFromDate(at) })
const isHeard = (at?: Date) =>
  a.act((tx, now) => heard.handle(tx, now, create(PeerHeardSchema), about(peerId, at ?? now)))
const isSilent = (hearing: string, at?: Date) =>
  a.act((tx, now) => {
    const said = create(PeerUnreachableSchema, { freshness: { hearing } })
    return unreachable.handle(tx, now, said, about(peerId, at ?? now))
  })
const describes = (platform: ReturnType<typeof descriptionOf> | undefined) =>
  a.act((tx, now) => described.handle(tx, now, create(PeerDescribedSchema, platform && { platform }), about()))

test('silence says in which direction, so that an operator knows where to look', async () => {
  await isHeard()
  expect((await peerOn(a, peerId)).state).toBe('active')
  await isSilent('they_hear_us')
  expect(await peerOn(a, peerId)).toMatchObject({
    state: 'degraded',
    reason: 'they hear us, we do not hear them: no heartbeat of theirs arrives',
  })
  await isHeard()
  await isSilent('something new')
  expect((await peerOn(a, peerId)).reason).toBe('nothing was heard for too long')
})

test('news that comes late changes nothing: the peer is as the newest said, in whatever order it is heard', async () => {
  const state = async () => (await peerOn(a, peerId)).state
  const at = (ms: number) => new Date(a.clock.now().getTime() + ms)
  await isHeard(at(-3_600_000))
  await isHeard(at(-1_000)) // active already: its moment counts all the same
  await isSilent('neither', at(-60_000))
  expect(await state(), 'it was heard since').toBe('active')
  await isSilent('neither', at(-500))
  await isHeard(at(-900))
  expect(await state(), 'it fell silent since').toBe('degraded')
  await isHeard(at(3_600_000)) // by a clock that was an hour ahead, for a moment
  expect(await state()).toBe('active')
  await isSilent('neither', at(10))
  expect(await state(), 'a clock that was ahead stops no news').toBe('degraded')
  const undated = create(EventSchema, { peerId })
  await expectRefusal(
    a.act((tx, now) => heard.handle(tx, now, create(PeerHeardSchema), undated)),
    'REQUEST_INVALID',
  )
})

test('a description changes what a peer says of itself: where it is called, never whom it is taken for', async () => {
  const said = descriptionOf(b.us, { prefixAdvertisement: '', platformVersion: '1.2.3' })
  said.dataResidency = 'EU'
  said.endpoints[0]!.url = 'https://new.b.example:8443'
  await describes(said)
  expect(await peerOn(a, peerId)).toMatchObject({
    dataResidency: 'EU',
    endpoints: [{ url: 'https://new.b.example:8443' }],
  })
  const before = await everything(a)
  await describes(said)
  expect(await everything(a)).toEqual(before)
  const other = await stranger('b.example', a.clock.now())
  await expectRefusal(describes(other.describe()), 'IDENTITY_KEY_INVALID')
  expect(await everything(a)).toEqual(before)
})

test('a forged description without a platform, in plain text, or of nobody is laid aside', async () => {
  const said = descriptionOf(b.us, { prefixAdvertisement: '', platformVersion: '1.2.3' })
  said.endpoints[0]!.url = 'http://127.0.0.1:22'
  await expectRefusal(describes(said), 'URL_INVALID')
  await expectRefusal(describes(undefined), 'REQUEST_INVALID')
  const nobody = about('019b76da-a800-7000-8000-000000000000')
  await expectRefusal(
    a.act((tx, now) => heard.handle(tx, now, create(PeerHeardSchema), nobody)),
    'PEER_NOT_FOUND',
  )
})

test('a newer bundle of theirs is fetched once, however often it is spoken of', async () => {
  for (let n = 0; n < 3; n++)
    await a.act((tx, now) => bundleOutdated.handle(tx, now, create(PeerBundleOutdatedSchema), about()))
  expect((await owed(a, peerId, 'fetch_bundle')).attempts).toBe(0)
})
