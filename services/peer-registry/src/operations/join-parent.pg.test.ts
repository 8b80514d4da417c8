import { randomUUID } from 'node:crypto'
import { create, fromBinary } from '@bufbuild/protobuf'
import { SealingKey, signStatement } from '@powernode/identity'
import { EnrollmentSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import {
  AcceptResponseSchema,
  AgreementSchema,
  type AcceptResponse,
  type Agreement,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { Reason } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { owed, peerOn, redeem, redemption, store } from '../../test/handshake.ts'
import { everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { join, prepare } from '../../test/spawning.ts'
import * as parentages from '../store/parentages.ts'
import { failRedemption } from './fail-redemption.ts'
import { resealSecrets } from './reseal-secrets.ts'
import { takeEnrollment } from './take-enrollment.ts'

/** A is the parent, B the platform of the machine that it made. */
let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const PASSWORD = 'a-password-that-rests-nowhere'
const ENROLLMENT = create(EnrollmentSchema, { clusterMembership: { slotName: 'powernode_repl_1', password: PASSWORD } })

async function made(said: Parameters<typeof prepare>[1] = {}) {
  const { peer, minted } = await prepare(a, said)
  return { parentPeerId: peer.id, token: minted.token }
}

/** B has joined, and A has answered. */
async function answered(trustMode: 'hierarchical' | 'symmetric' = 'hierarchical') {
  const { parentPeerId, token } = await made()
  const { id } = await join(b, a, { parentPeerId, token, trustMode })
  const answer = await redeem(a, await redemption(b, id))
  return { id, parentPeerId, token, answer: create(AcceptResponseSchema, { ...answer, enrollment: ENROLLMENT }) }
}

const take = (peerId: string, done = false) => b.act((tx, now) => takeEnrollment(tx, now, { us: b.us, peerId, done }))
const parentageOf = (peerId: string) => b.act((tx) => parentages.lock(tx, peerId))

describe('a machine that was made to be a child', () => {
  test.each(['hierarchical', 'symmetric'] as const)(
    'is the child that its payload says, with %s trust',
    async (trustMode) => {
      const { id, parentPeerId, answer } = await answered(trustMode)
      await store(b, await owed(b, id, 'redeem'), answer)
      expect(await peerOn(b, id)).toMatchObject({
        state: 'enrolled',
        trustMode,
        spawnRole: 'child',
        spawnMode: 'managed_child',
        remotePeerId: parentPeerId,
      })
    },
  )

  test('joins once: asked again it is the same peering, and nothing is said twice', async () => {
    const { parentPeerId, token } = await made()
    const first = await join(b, a, { parentPeerId, token })
    const before = await everything(b)
    for (const again of [token, '']) expect((await join(b, a, { parentPeerId, token: again })).id).toBe(first.id)
    expect(await everything(b)).toEqual(before)
  })

  test('joins once, however many agents it has', async () => {
    const { parentPeerId, token } = await made()
    const joined = await Promise.all(Array.from({ length: 10 }, () => join(b, a, { parentPeerId, token })))
    expect(new Set(joined.map(({ id }) => id)).size).toBe(1)
  })

  test('shows the peering as it is, once it stands, whatever token its payload has by then', async () => {
    const { id, parentPeerId, answer } = await answered()
    await store(b, await owed(b, id, 'redeem'), answer)
    expect(await join(b, a, { parentPeerId, token: 'B'.repeat(43) })).toMatchObject({ id, state: 'enrolled' })
  })

  test('needs a token the first time', async () => {
    const { parentPeerId } = await made()
    const refusal = await expectRefusal(join(b, a, { parentPeerId, token: '' }), 'REQUEST_INVALID')
    expect(refusal.metadata).toEqual({ missing: 'acceptance_token' })
  })

  test("hears the parent's no for good, with its reason, until it comes with another token", async () => {
    const { parentPeerId, token } = await made()
    const { id } = await join(b, a, { parentPeerId, token })
    const errand = await owed(b, id, 'redeem')
    const refused = { reason: 'INVITATION_REVOKED', message: 'taken back' }
    await b.act((tx, now) => failRedemption(tx, now, errand, { why: 'they said no', refused }))
    await expectRefusal(join(b, a, { parentPeerId, token }), 'INVITATION_REVOKED')
    await expectRefusal(join(b, a, { parentPeerId, token: '' }), 'INVITATION_REVOKED')
    expect((await join(b, a, { parentPeerId, token: 'B'.repeat(43) })).id).toBe(id)
    expect((await owed(b, id, 'redeem')).attempts).toBe(0)
    expect(await parentageOf(id)).toMatchObject({ refusedReason: '' })
  })
})

describe('what the parent handed over', () => {
  test('rests sealed until it is carried out, and then not at all', async () => {
    const { id, answer } = await answered()
    await store(b, await owed(b, id, 'redeem'), answer)
    expect(JSON.stringify(await everything(b))).not.toContain(PASSWORD)
    const { enrollmentSealed } = (await parentageOf(id))!
    expect(enrollmentSealed?.includes(PASSWORD)).toBe(false)
    for (const _again of [1, 2]) expect((await take(id))?.clusterMembership?.password).toBe(PASSWORD)
    expect(await take(id, true)).toBeUndefined()
    expect(await parentageOf(id)).toMatchObject({ enrollmentSealed: null, doneAt: a.clock.now() })
    expect(await take(id)).toBeUndefined()
  })

  test('opens after the sealing key was replaced', async () => {
    const { id, answer } = await answered()
    await store(b, await owed(b, id, 'redeem'), answer)
    const anew = new SealingKey(Buffer.alloc(32, 'anew'), Buffer.alloc(32, 'b.example'))
    await b.act((tx) => resealSecrets(tx, anew))
    const us = { ...b.us, sealing: new SealingKey(Buffer.alloc(32, 'anew')) }
    const taken = await b.act((tx, now) => takeEnrollment(tx, now, { us, peerId: id, done: false }))
    expect(taken?.clusterMembership?.password).toBe(PASSWORD)
  })

  test('is taken from a parent of ours only', async () => {
    expect(await take(randomUUID())).toBeUndefined()
  })
})

describe('whoever is not the parent of the payload is refused, and nothing changes:', () => {
  const instead = (answer: AcceptResponse, change: Partial<Agreement>, key = a.us.key): AcceptResponse => {
    const said = fromBinary(AgreementSchema, answer.agreement!.payload)
    return create(AcceptResponseSchema, {
      agreement: signStatement(AgreementSchema, create(AgreementSchema, { ...said, ...change }), key),
    })
  }

  test.each([
    ['it calls the peering something else', { peerId: randomUUID() }],
    ['it makes us another kind of child', { spawnMode: 'cluster_member' }],
    ['it is no parent', { spawnRole: 'symmetric' }],
  ])('%s', async (_what, change) => {
    const { id, answer } = await answered()
    await refused(id, instead(answer, change), 'ACCEPTANCE_INVALID')
  })

  test('it signs with another key than the one in the payload', async () => {
    const { id, answer } = await answered()
    await refused(id, instead(answer, {}, b.us.key), 'SIGNATURE_INVALID')
  })

  async function refused(id: string, answer: AcceptResponse, reason: Reason) {
    const errand = await owed(b, id, 'redeem')
    const before = await everything(b)
    await expectRefusal(store(b, errand, answer), reason)
    expect(await everything(b)).toEqual(before)
  }
})
