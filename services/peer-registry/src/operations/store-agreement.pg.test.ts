import { create, fromBinary } from '@bufbuild/protobuf'
import { createAuthority, createCsr, issueCertificate, signStatement } from '@powernode/identity'
import {
  AcceptanceSchema,
  AcceptResponseSchema,
  AgreementSchema,
  type AcceptResponse,
  type Agreement,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { Reason } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { invite, owed, peerOn, propose, redeem, redemption, store, take } from '../../test/handshake.ts'
import { everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { openAuthority } from '../authority.ts'
import type { Errand } from '../errand.ts'
import type { TrustMode } from '../peer.ts'
import { envelopeFrom } from '../statements.ts'
import * as authorities from '../store/authorities.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

/** B has sent its acceptance, and A has answered honestly. */
async function answered(trustMode: TrustMode = 'symmetric', said = {}) {
  const { id: onA } = await propose(a, said)
  const { id } = await take(b, (await invite(a, onA)).text, { trustMode })
  const errand = await owed(b, id, 'redeem')
  const answer = await redeem(a, await redemption(b, id))
  return { id, onA, errand, answer }
}

/** A's own key says something else than it agreed to. */
const instead = (answer: AcceptResponse, change: Partial<Agreement>, key = a.us.key): AcceptResponse => {
  const said = fromBinary(AgreementSchema, answer.agreement!.payload)
  return create(AcceptResponseSchema, {
    agreement: signStatement(AgreementSchema, create(AgreementSchema, { ...said, ...change }), key),
  })
}

/** No bundle at all: a field that is set to nothing, which the compiler rightly takes for a mistake. */
const nothingTrusted = { trustBundle: undefined } as unknown as Partial<Agreement>

async function refused(errand: Errand, answer: AcceptResponse, reason: Reason) {
  const before = await everything(b)
  await expectRefusal(store(b, errand, answer), reason)
  expect(await everything(b)).toEqual(before)
}

describe('an agreement is refused, and nothing changes,', () => {
  test('when another key signed it, or nobody', async () => {
    const { errand, answer } = await answered()
    await refused(errand, instead(answer, {}, b.us.key), 'SIGNATURE_INVALID')
    await refused(errand, create(AcceptResponseSchema), 'SIGNATURE_INVALID')
  })

  test('when it answers another acceptance', async () => {
    const { errand, answer } = await answered()
    await refused(errand, instead(answer, { acceptanceSha256: new Uint8Array(32) }), 'ACCEPTANCE_INVALID')
    await refused(errand, instead(answer, { remotePeerId: errand.peerId.replace(/^./, '9') }), 'ACCEPTANCE_INVALID')
  })

  test('when it settles on a version outside our window', async () => {
    const { errand, answer } = await answered()
    await refused(errand, instead(answer, { contractVersion: 2 }), 'ACCEPTANCE_INVALID')
    const platform = fromBinary(AgreementSchema, answer.agreement!.payload).platform!
    const later = { ...platform, contractWindow: { ...platform.contractWindow!, min: 2, max: 2 } }
    await refused(errand, instead(answer, { contractVersion: 2, platform: later }), 'ACCEPTANCE_INVALID')
  })

  test('when it speaks for another trust domain than the invitation, or for ours', async () => {
    const { errand, answer } = await answered()
    const platform = fromBinary(AgreementSchema, answer.agreement!.payload).platform!
    const as = (trustDomain: string) => instead(answer, { platform: { ...platform, trustDomain } })
    await refused(errand, as('c.example'), 'ACCEPTANCE_INVALID')
    await refused(errand, as('b.example'), 'ACCEPTANCE_INVALID')
  })

  test('when its trust bundle is missing or not its own', async () => {
    const { errand, answer } = await answered()
    const ours = fromBinary(AcceptanceSchema, errandStatement(errand)).trust
    if (ours.case !== 'trustBundle') throw new Error('symmetric trust sends a bundle')
    await refused(errand, instead(answer, { trustBundle: ours.value }), 'BUNDLE_INVALID')
    await refused(errand, instead(answer, nothingTrusted), 'BUNDLE_INVALID')
  })
})

describe('a certificate they signed for us is refused', () => {
  const bytes = (chain: readonly Buffer[]) => chain.map((der) => Uint8Array.from(der))

  test('when there is none, or it is garbage, or its chain ends nowhere', async () => {
    const { errand, answer } = await answered('hierarchical')
    const chain = fromBinary(AgreementSchema, answer.agreement!.payload).certificateChain
    await refused(errand, instead(answer, { certificateChain: [] }), 'TRUST_MATERIAL_MISSING')
    const bad = [[Uint8Array.of(1, 2, 3)], chain.slice(0, 1), chain.slice(0, 2), [chain[0]!, chain[2]!], [...chain, chain[2]!, chain[2]!, chain[2]!]] // prettier-ignore
    for (const certificateChain of bad) await refused(errand, instead(answer, { certificateChain }), 'CSR_INVALID')
  })

  test('when it is for another key, another name or another kind of use', async () => {
    const { errand, answer, onA } = await answered('hierarchical')
    const authority = openAuthority(a.sealing, await a.act((tx) => authorities.current(tx)))
    const { trust } = fromBinary(AcceptanceSchema, errandStatement(errand))
    const ours: Uint8Array = trust.case === 'csrDer' ? trust.value : new Uint8Array(0)
    const now = a.clock.now()
    const sign = (
      name: string,
      { usages = ['server', 'client'] as ('server' | 'client')[], by = authority, csrDer = ours } = {},
    ) =>
      // prettier-ignore
      issueCertificate(by, {
        holder: { csrDer },
        spiffeId: { trustDomain: 'a.example', kind: 'peer', name },
        notBefore: now,
        notAfter: new Date(now.getTime() + 86_400_000),
        usages,
      })
    const foreign = await createAuthority({ trustDomain: 'a.example', generation: 1, now })
    const chains = [
      await sign(onA, { csrDer: (await createCsr()).csrDer }),
      await sign(onA.replace(/^./, '9')),
      await sign(onA, { usages: ['client'] }),
      await sign(onA, { usages: ['server'] }),
      await sign(onA, { by: foreign }),
    ]
    for (const { chain } of chains)
      await refused(errand, instead(answer, { certificateChain: bytes(chain) }), 'CSR_INVALID')
    const { chain } = await sign(onA)
    await store(b, errand, instead(answer, { certificateChain: bytes(chain) }))
  })
})

describe('what the other side claims of us is held to what we agreed to', () => {
  test('features that we never offered are not agreed', async () => {
    const { id, errand, answer } = await answered()
    await store(b, errand, instead(answer, { features: ['receipts', 'free-lunch'] }))
    expect((await peerOn(b, id)).features).toEqual(['receipts'])
  })

  test.each([
    ['that it is our child', 'child', 'hierarchical'],
    ['that it is our parent, though we keep our own CA', 'parent', 'symmetric'],
    ['something else', 'emperor', 'hierarchical'],
  ] as const)('nobody gets rights here by saying %s', async (_, spawnRole, trustMode) => {
    const { id, errand, answer } = await answered(trustMode)
    await store(b, errand, instead(answer, { spawnRole, spawnMode: 'managed_child' }))
    expect(await peerOn(b, id)).toMatchObject({ state: 'enrolled', spawnRole: 'symmetric', spawnMode: 'out_of_band' })
  })

  test('a bare token takes whoever answers at the pinned server, but no name that is taken', async () => {
    const { id: other } = await propose(b, { name: a.us.self.name })
    const { token } = await invite(a, (await propose(a)).id)
    const { id } = await take(b, token, { url: 'https://a.example:8443', caPin: 'ab'.repeat(32) })
    await store(b, await owed(b, id, 'redeem'), await redeem(a, await redemption(b, id)))
    expect((await peerOn(b, id)).name).toBe(`${a.us.self.name} (${a.platformId.slice(0, 8)})`)
    expect((await peerOn(b, other)).name).toBe(a.us.self.name)
  })
})

const errandStatement = ({ statement }: Errand) => envelopeFrom(statement!).payload
