import { randomUUID } from 'node:crypto'
import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf'
import { PeerSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  AcceptanceSchema,
  AcceptRequestSchema,
  AcceptResponseSchema,
  type AcceptRequest,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate, invite, owed, peerOn, propose, redeem, redemption, store, take } from '../../test/handshake.ts'
import { answeredOrRefused, signAnything, spoiling, spoilt } from '../../test/hostile.ts'
import { BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import { NO_SURROUNDINGS } from '../standing.ts'
import { envelopeFrom, signNotice } from '../statements.ts'
import * as platform from '../store/platform.ts'
import { peerToWire } from '../wire.ts'
import { declared } from '../notice.ts'
import { signCompromise } from '../notice-statements.ts'
import { receiveCompromise } from './receive-compromise.ts'
import { receiveRevocation } from './receive-revocation.ts'
import { receiveTrustBundle } from './receive-trust-bundle.ts'
import { storeReceipt } from './store-receipt.ts'

/** A peer owns its identity key, so it can sign whatever it likes. None of it may meet us unprepared. */
const RUNS = { numRuns: 200, endOnFailure: true }

const acceptanceIn = ({ acceptance }: AcceptRequest) => fromBinary(AcceptanceSchema, acceptance!.payload)

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

test('a spoilt acceptance is refused, or is good, but never a fault', async () => {
  const s = await stranger('s.example', a.clock.now())
  const { token } = await invite(a, (await propose(a)).id)
  const { payload, payloadType } = s.accept(token).acceptance!
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(spoiling, async (how) => {
      const acceptance = signAnything(payloadType, spoilt(payload, how), s.key)
      const request = create(AcceptRequestSchema, { acceptanceToken: token, acceptance })
      seen.add(await answeredOrRefused(redeem(a, request)))
    }),
    RUNS,
  )
  expect(seen.size, 'the spoiling reaches different checks').toBeGreaterThan(3)
})

/** Text as nobody sane would write it: control characters, half characters, quotes, very long, in any script. */
const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength }),
    fc.constantFrom("'; drop table peer; --", '\u0000', '\u202e', '{}'),
  )
const descriptions = fc.record({
  name: text(60),
  disclosure: fc.record({ contact: text(90), jurisdiction: text(30), platformVersion: text(30), releaseTag: text(30) }),
  capabilities: fc.dictionary(text(20), fc.jsonValue(), { maxKeys: 5 }),
  dataResidency: text(30),
  contractWindow: fc.record({ min: fc.constant(1), max: fc.integer({ min: 1, max: 2 ** 31 - 1 }) }),
  endpoints: fc.array(
    fc.record({
      url: fc.webUrl({ validSchemes: ['https'] }),
      scope: fc.integer({ min: 1, max: 3 }),
      cidrHint: text(20),
    }),
    { maxLength: 3 },
  ),
})

test('whatever a platform says of itself is kept or refused, and what is kept can be shown and announced', async () => {
  let count = 0
  let kept = 0
  await fc.assert(
    fc.asyncProperty(descriptions, async (said) => {
      const s = await stranger(`s${++count}.example`, a.clock.now())
      const { id } = await propose(a)
      const { token } = await invite(a, id)
      const platform = s.describe(said as never)
      const bytes = toBinary(AcceptanceSchema, create(AcceptanceSchema, { ...acceptanceIn(s.accept(token)), platform }))
      const acceptance = signAnything(s.accept(token).acceptance!.payloadType, bytes, s.key)
      const request = create(AcceptRequestSchema, { acceptanceToken: token, acceptance })
      if ((await answeredOrRefused(redeem(a, request))) !== 'answered') return
      kept += 1
      const shown = peerToWire(await peerOn(a, id), NO_SURROUNDINGS)
      expect(toJsonString(PeerSchema, shown)).not.toContain('u0000')
      expect(shown.name).not.toMatch(/[\p{Cc}\u202e]/u)
    }),
    { numRuns: 100 },
  )
  expect(kept, 'some of them are harmless, or this shows nothing').toBeGreaterThan(0)
})

test.each(['symmetric', 'hierarchical'] as const)('a spoilt agreement (%s) likewise', async (trustMode) => {
  const { id } = await take(b, (await invite(a, (await propose(a)).id)).text, { trustMode })
  const errand = await owed(b, id, 'redeem')
  const { payload, payloadType } = (await redeem(a, await redemption(b, id))).agreement!
  await fc.assert(
    fc.asyncProperty(spoiling, async (how) => {
      const agreement = signAnything(payloadType, spoilt(payload, how), a.us.key)
      await answeredOrRefused(store(b, errand, create(AcceptResponseSchema, { agreement })))
    }),
    RUNS,
  )
})

test('a spoilt trust bundle, receipt or notice likewise', async () => {
  const { onA, onB } = await federate(a, b)
  const { bundle } = await b.act((tx) => platform.read(tx))
  const ours = await a.act((tx) => platform.read(tx))
  const said = { us: b.us, by: BY, peerId: onB, bundle: envelopeFrom(ours.bundle) }
  const receipt = await b.act((tx, now) => receiveTrustBundle(tx, now, said))
  const notice = signNotice(b.us.key, { platformId: b.platformId, peerId: onA, reason: 'we part', at: a.clock.now() })
  const compromise = signCompromise(
    b.us,
    declared(
      { summary: 'broken into', affected: ['keys'], advice: 'wait', discoveredAt: a.clock.now() },
      { id: randomUUID(), by: BY.actor, at: a.clock.now() },
    ),
    onA,
  )
  const { payload, payloadType } = envelopeFrom(bundle)
  await fc.assert(
    fc.asyncProperty(spoiling, async (how) => {
      const again = signAnything(payloadType, spoilt(payload, how), b.us.key)
      const gone = signAnything(notice.payloadType, spoilt(notice.payload, how), b.us.key)
      const held = signAnything(receipt.payloadType, spoilt(receipt.payload, how), b.us.key)
      await answeredOrRefused(a.act((tx, now) => receiveTrustBundle(tx, now, { us: a.us, by: BY, peerId: onA, bundle: again }))) // prettier-ignore
      await answeredOrRefused(a.act((tx, now) => storeReceipt(tx, now, { peerId: onA, receipt: held, bundle: ours.bundle }))) // prettier-ignore
      const broken = signAnything(compromise.payloadType, spoilt(compromise.payload, how), b.us.key)
      await answeredOrRefused(a.act((tx, now) => receiveCompromise(tx, now, { us: a.us, by: BY, peerId: onA, notice: broken }))) // prettier-ignore
      await answeredOrRefused(a.act((tx, now) => receiveRevocation(tx, now, { us: a.us, by: BY, peerId: onA, notice: gone }))) // prettier-ignore
    }),
    RUNS,
  )
})
