import { systemClock } from '@powernode/clock'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { invite, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'

let a: TestPlatform
let b: TestPlatform
let toA: Road
beforeAll(async () => {
  toA = await openRoad(() => a.platform.ports.door)
  ;[a, b] = await Promise.all([TestPlatform.start('a', { registry: endpointsOf(toA) }), TestPlatform.start('b')])
})
afterAll(async () => {
  toA?.close()
  await Promise.all([a?.stop(), b?.stop()])
})

test('an answer lost after the commit is given again to the same key, and nothing happens twice', async () => {
  const { onA, invitation } = await invite(a)
  toA.delayMs = 500
  const { peer } = await b.peers.acceptInvitation({ invitation })
  const onB = peer?.id ?? ''
  await a.untilState(onA, PeerState.ACCEPTED, PeerState.ENROLLED)
  toA.weather = 'deaf'
  expect((await b.until(onB, () => true)).state, 'the answer is still under way').toBe(PeerState.PROPOSED)
  const giveUp = AbortSignal.timeout(30_000)
  while (toA.swallowed() === 0 && !giveUp.aborted) await systemClock.sleep(20, giveUp)
  expect(toA.swallowed()).toBeGreaterThan(0)

  toA.weather = 'cut'
  toA.delayMs = 0
  toA.weather = 'fair'
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  const actions = await a.ledgerOf(onA, 'federation.peer.active')
  expect(actions.filter((action) => action === 'federation.peer.accepted')).toHaveLength(1)
  expect(actions.filter((action) => action === 'federation.invitation.redeemed')).toHaveLength(1)
})
