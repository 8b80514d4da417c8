import { fingerprintOf } from '@powernode/identity'
import { OPEN_GATE } from '@powernode/approvals/testing'
import { until } from '@powernode/events/testing'
import type { ReportCloneRequest } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDoors } from '../../test/door.ts'
import { startErrands } from '../../test/errands.ts'
import { invite, peerOn, propose } from '../../test/handshake.ts'
import { startPlatform, type TestPlatform } from '../../test/platform.ts'
import { prepare } from '../../test/spawning.ts'
import { stranger, type Stranger } from '../../test/stranger.ts'
import { recordHeard } from '../operations/record-liveness.ts'
import * as errands from '../store/errands.ts'
import * as invitations from '../store/invitations.ts'

/** The gateway brings what a child says; spawn-provisioner is whatever the test says it answers. */
let a: TestPlatform
let s: Stranger
let doors: ReturnType<typeof openDoors>
let asked: { peerId: string; platformId: string }[]
let answer: () => object | Promise<object>
let end: () => Promise<void> = () => Promise.resolve()
beforeEach(async () => {
  a = await startPlatform('a.example')
  s = await stranger('s.example', a.clock.now())
  asked = []
  answer = () => ({ enrollment: { nodeEnrollment: { bootstrapToken: `token-${asked.length}` } } })
  doors = openDoors(a, {}, OPEN_GATE, {
    prepareEnrollment: async ({ peerId, platformId }) => {
      asked.push({ peerId, platformId })
      return answer()
    },
  })
})
afterEach(async () => {
  await end()
  end = () => Promise.resolve()
  await doors.close()
  await a.drop()
})

const redeem = async (token: string, by = s) => {
  const gateway = doors.clientAs(PeerRegistryService, { kind: 'service', name: 'federation-gateway' })
  const { accept } = await gateway.redeemInvitation({ accept: by.accept(token), sourceAddress: '192.0.2.7' })
  return accept!
}
const owedReport = (peerId: string) => a.act((tx) => errands.find(tx, peerId, 'report_clone'))

describe('a platform that we made', () => {
  test('is handed what belongs to it with the answer, anew each time it asks, until it is active', async () => {
    const { peer, minted } = await prepare(a)
    for (const token of ['token-1', 'token-2'])
      expect((await redeem(minted.token)).enrollment?.nodeEnrollment?.bootstrapToken).toBe(token)
    const once = { peerId: peer.id, platformId: s.platformId }
    expect(asked).toEqual([once, once])
    await a.act((tx, now) => recordHeard(tx, now, { peerId: peer.id, toldAt: now }))
    expect(await peerOn(a, peer.id)).toMatchObject({ state: 'active' })
    expect((await redeem(minted.token)).enrollment).toBeUndefined()
    expect(asked).toHaveLength(2)
  })

  test('is not handed what was kept: the answer that is given again holds no secret', async () => {
    const { minted } = await prepare(a)
    await redeem(minted.token)
    const { answer: kept } = await a.act((tx) => invitations.lock(tx, minted.invitation.id))
    expect(kept?.includes('token-1')).toBe(false)
  })

  test('is told to ask again while that cannot be prepared; the peering stands, and asking again is enough', async () => {
    const { peer, minted } = await prepare(a)
    for (const away of [new Refusal('ENROLLMENT_PENDING', 'no membership yet'), new Error('a fault')]) {
      answer = () => Promise.reject(away)
      await expectRefusal(redeem(minted.token), 'ENROLLMENT_PENDING')
    }
    expect(await peerOn(a, peer.id)).toMatchObject({ state: 'enrolled' })
    answer = () => ({ enrollment: { warnings: ['late'] } })
    expect((await redeem(minted.token)).enrollment?.warnings).toEqual(['late'])
  })

  test('is told why, when there is nothing to be had: the accept stands all the same', async () => {
    const { minted } = await prepare(a)
    answer = () => Promise.reject(new Refusal('CHILD_STATE_FORBIDS', 'it is being undone'))
    expect((await redeem(minted.token)).enrollment?.warnings).toEqual([
      'the parent prepared nothing: CHILD_STATE_FORBIDS: it is being undone',
    ])
  })
})

test('of a platform that we did not make nobody is asked', async () => {
  const { token } = await invite(a, (await propose(a)).id)
  expect((await redeem(token)).enrollment).toBeUndefined()
  expect(asked).toEqual([])
})

describe('two machines with one payload', () => {
  test('are a child and a clone: the clone is refused, and spawn-provisioner hears of it as soon as it is there', async () => {
    const { peer, minted } = await prepare(a)
    const first = await redeem(minted.token)
    const clone = await stranger('clone.example', a.clock.now())
    await expectRefusal(redeem(minted.token, clone), 'INVITATION_SPENT')
    const told: ReportCloneRequest[] = []
    let away = true
    end = startErrands(a, {}, {
      reportClone: async (request) => {
        if (away) throw new Refusal('SERVICE_UNAVAILABLE', 'not now')
        told.push(request)
        return {}
      },
    }) // prettier-ignore
    await until(async () => ((await owedReport(peer.id))?.attempts ?? 0) > 0)
    away = false
    await until(async () => {
      await a.clock.advance(1_000)
      return (await owedReport(peer.id)) === undefined
    })
    expect(told).toMatchObject([
      { peerId: peer.id, identityFingerprint: fingerprintOf(clone.key.publicKey), sourceAddress: '192.0.2.7' },
    ])
    const again = await redeem(minted.token)
    expect(again.agreement).toEqual(first.agreement)
  })

  test('is not what an ordinary invitation is tried twice by', async () => {
    const { id } = await propose(a)
    const { token } = await invite(a, id)
    await redeem(token)
    const other = await stranger('other.example', a.clock.now())
    await expectRefusal(redeem(token, other), 'INVITATION_SPENT')
    expect(await owedReport(id)).toBeUndefined()
  })
})
