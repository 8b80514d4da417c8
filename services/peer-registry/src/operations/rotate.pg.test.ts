import { create, fromBinary } from '@bufbuild/protobuf'
import { createCsr, signStatement } from '@powernode/identity'
import {
  TrustReceiptSchema,
  type Envelope,
  type TrustReceipt,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { federate, peerOn } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { bundleIn, envelopeFrom } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import * as errands from '../store/errands.ts'
import * as platform from '../store/platform.ts'
import * as rotations from '../store/rotations.ts'
import { applyRotation, type Applied } from './apply-rotation.ts'
import { issueCertificate } from './issue-certificate.ts'
import { oweBundles, oweRenewals } from './owe-errands.ts'
import { planRotation } from './plan-rotation.ts'
import { receiveTrustBundle } from './receive-trust-bundle.ts'
import { reportTrust } from './report-trust.ts'
import { signPeerCertificate } from './sign-peer-certificate.ts'
import { storeCertificate } from './store-certificate.ts'
import { storeReceipt } from './store-receipt.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const plan = (rehearse = false) => a.act((tx, now) => planRotation(tx, now, { us: a.us, by: BY, rehearse }))
const apply = (rotationId: string, step: Applied, override: string[] = []) =>
  a.act((tx, now) => applyRotation(tx, now, { us: a.us, by: BY, rotationId, step, override }))
const bundleOfA = () => a.act((tx) => platform.read(tx))
const rootsOfA = async () => bundleIn((await bundleOfA()).bundle).roots.map((der) => Buffer.from(der).toString('hex'))
const statuses = () =>
  a.act(async (tx) => (await authorities.list(tx)).map(({ generation, status }) => `${generation} ${status}`))

/** A's newest bundle goes to B, and B's receipt comes back. */
async function deliver({ onA, onB }: { onA: string; onB: string }) {
  const { bundle } = await bundleOfA()
  const said = { us: b.us, by: BY, peerId: onB, bundle: envelopeFrom(bundle) }
  const receipt = await b.act((tx, now) => receiveTrustBundle(tx, now, said))
  await a.act((tx, now) => storeReceipt(tx, now, { peerId: onA, receipt, bundle }))
}

async function serviceOfA(name: string) {
  const { csrDer } = await createCsr()
  const said = { us: a.us, by: BY, kind: 'service', name, csrDer, hosts: [], ttlMs: 86_400_000, peerId: null } as const
  return a.act((tx, now) => issueCertificate(tx, now, said))
}
const report = (name: string, sequence: number, generation: number) =>
  a.act((tx, now) => reportTrust(tx, now, { holder: `service/${name}`, sequence, generation }))

describe('replacing the CA', () => {
  test('rehearsed, changes nothing and lists everybody who would have to learn it', async () => {
    const { onA } = await federate(a, b)
    await serviceOfA('liveness')
    const before = await everything(a)
    const { rotation, holders } = await plan(true)
    expect(rotation).toMatchObject({ step: 'planned', fromGeneration: 1, toGeneration: 2 })
    expect(holders.map(({ holder }) => holder)).toEqual(['service/liveness', `peer/${onA}`])
    expect(await everything(a)).toEqual(before)
  })

  test('waits for an agent only once it has spoken up: most platforms have a certificate for one, and nobody uses it', async () => {
    await serviceOfA('node-agent')
    expect((await plan(true)).holders).toEqual([])
    await report('node-agent', (await bundleOfA()).bundleSequence, 1)
    expect((await plan(true)).holders).toMatchObject([{ holder: 'service/node-agent', renewed: false }])
  })

  test('planned, tells nobody; a second plan is refused while it lasts', async () => {
    const before = await rootsOfA()
    await plan()
    expect(await statuses()).toEqual(['2 next', '1 current'])
    expect(await rootsOfA()).toEqual(before)
    await expectRefusal(plan(), 'ROTATION_IN_PROGRESS')
    await expectRefusal(plan(true), 'ROTATION_IN_PROGRESS')
  })

  test('goes on only when everybody holds the new root, then when everybody uses it', async () => {
    const both = await federate(a, b)
    await serviceOfA('liveness')
    const { rotation } = await plan()
    await expectRefusal(apply(rotation.id, 'switched'), 'ROTATION_STEP_NOT_ALLOWED')

    await apply(rotation.id, 'published')
    const published = await rootsOfA()
    expect(published).toHaveLength(2)
    const { bundleSequence } = await bundleOfA()
    const waiting = await expectRefusal(apply(rotation.id, 'switched'), 'ROTATION_NOT_ACKNOWLEDGED')
    expect(waiting.metadata['waiting']).toBe(`service/liveness,peer/${both.onA}`)
    await deliver(both)
    await report('liveness', bundleSequence, 1)

    await apply(rotation.id, 'switched')
    expect(await statuses()).toEqual(['2 current', '1 previous'])
    expect(await rootsOfA(), 'the root in use comes first').toEqual(published.toReversed())
    await expectRefusal(apply(rotation.id, 'retired'), 'ROTATION_NOT_ACKNOWLEDGED')
    await expectRefusal(apply(rotation.id, 'cancelled'), 'ROTATION_STEP_NOT_ALLOWED')
    await report('liveness', bundleSequence + 1, 2)

    await apply(rotation.id, 'retired')
    expect(await statuses()).toEqual(['2 current', '1 retired'])
    expect(await rootsOfA()).toEqual(published.slice(1))
    await deliver(both)
    expect(bundleIn((await peerOn(b, both.onB)).trustBundle!).roots).toHaveLength(1)
    expect((await announced(a)).filter((kind) => kind.startsWith('ca.'))).toEqual([
      'ca.planned',
      'ca.published',
      'ca.switched',
      'ca.retired',
    ])
  })

  test('said twice is done once', async () => {
    const { rotation } = await plan()
    await apply(rotation.id, 'published')
    const before = await everything(a)
    await apply(rotation.id, 'published')
    expect(await everything(a)).toEqual(before)
  })

  test('can be gone on with without somebody, by name, and that is kept', async () => {
    const { onA } = await federate(a, b)
    const { rotation } = await plan()
    await apply(rotation.id, 'published')
    await expectRefusal(apply(rotation.id, 'switched', ['peer/somebody-else']), 'ROTATION_NOT_ACKNOWLEDGED')
    await apply(rotation.id, 'switched', [`peer/${onA}`])
    expect((await a.act((tx) => rotations.lock(tx, rotation.id))).overridden).toEqual([`peer/${onA}`])
  })

  test.each(['planned', 'published'] as const)('is cancelled while %s, and another can begin', async (until) => {
    const before = await rootsOfA()
    const { rotation } = await plan()
    if (until === 'published') await apply(rotation.id, 'published')
    await apply(rotation.id, 'cancelled')
    expect(await statuses()).toEqual(['2 retired', '1 current'])
    expect(await rootsOfA()).toEqual(before)
    expect((await plan()).rotation.toGeneration).toBe(3)
  })

  test('waits for the children we sign for to renew, and they can renew only under their own name', async () => {
    const both = await federate(a, b, { trustMode: 'hierarchical' })
    const { rotation } = await plan()
    await apply(rotation.id, 'published')
    await deliver(both)
    await apply(rotation.id, 'switched')
    await deliver(both)
    await expectRefusal(apply(rotation.id, 'retired'), 'ROTATION_NOT_ACKNOWLEDGED')

    const old = (await peerOn(b, both.onB)).certificateChain
    expect(await b.act((tx, now) => oweRenewals(tx, now))).toBe(1)
    const { csrDer, privateKeyPkcs8Der: key } = await createCsr()
    const chain = await a.act((tx, now) => signPeerCertificate(tx, now, { us: a.us, by: BY, peerId: both.onA, csrDer }))
    await b.act((tx, now) => storeCertificate(tx, now, { us: b.us, peerId: both.onB, key, chain }))
    expect((await peerOn(b, both.onB)).certificateChain).not.toEqual(old)
    await b.act((tx) => errands.remove(tx, both.onB, 'renew_certificate'))
    expect(await b.act((tx, now) => oweRenewals(tx, now))).toBe(0)
    await apply(rotation.id, 'retired')
  })
})

/** The same receipt with other words, signed by whoever. */
function resigned(receipt: Envelope, change: Partial<TrustReceipt>, key = b.us.key): Envelope {
  const said = fromBinary(TrustReceiptSchema, receipt.payload)
  return signStatement(TrustReceiptSchema, create(TrustReceiptSchema, { ...said, ...change }), key)
}

describe('a receipt', () => {
  test('counts only for the bundle it is for: nobody acknowledges a future', async () => {
    const both = await federate(a, b)
    const { bundle } = await bundleOfA()
    const said = { us: b.us, by: BY, peerId: both.onB, bundle: envelopeFrom(bundle) }
    const receipt = await b.act((tx, now) => receiveTrustBundle(tx, now, said))
    const keep = (envelope: typeof receipt) =>
      a.act((tx, now) => storeReceipt(tx, now, { peerId: both.onA, receipt: envelope, bundle }))
    const before = await everything(a)
    for (const change of [{ bundleSequence: 300n }, { bundlePlatformId: b.platformId }, { platformId: a.platformId }])
      await expectRefusal(keep(resigned(receipt, change)), 'BUNDLE_INVALID')
    await expectRefusal(keep(resigned(receipt, {}, a.us.key)), 'SIGNATURE_INVALID')
    expect(await everything(a)).toEqual(before)
    await keep(receipt)
    expect((await peerOn(a, both.onA)).acknowledgedBundleSequence).toBe(1)
  })

  test('that is missing is asked for again, by an errand for each live peer and no other', async () => {
    const { onA } = await federate(a, b)
    await a.act((tx, now) => oweBundles(tx, now))
    expect(await a.act((tx) => errands.find(tx, onA, 'deliver_bundle'))).toBeDefined()
    expect(await a.act((tx, now) => oweBundles(tx, now))).toBe(0)
  })
})
