import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'

let a: TestPlatform
let b: TestPlatform
let toA: Road
let toB: Road
beforeAll(async () => {
  toA = await openRoad(() => a.platform.ports.door)
  toB = await openRoad(() => b.platform.ports.door)
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry: endpointsOf(toA) }),
    TestPlatform.start('b', { registry: endpointsOf(toB) }),
  ])
})
afterAll(async () => {
  toA?.close()
  toB?.close()
  await Promise.all([a?.stop(), b?.stop()])
})

test('a partition degrades both sides, and they recover by themselves when it ends', async () => {
  const { onA, onB } = await federate(a, b)
  toA.weather = toB.weather = 'cut'
  const [ofB, ofA] = await Promise.all([a.untilState(onA, PeerState.DEGRADED), b.untilState(onB, PeerState.DEGRADED)])
  // Whichever direction runs out first is the reason; by then the other may not have.
  for (const { reason } of [ofB, ofA]) expect(reason).toMatch(/direction|we do not hear them|they do not hear us/)
  // Two services say these two, so they come in either order.
  for (const action of ['federation.peer.heartbeat_stale', 'federation.peer.degraded'])
    expect(await a.ledgerOf(onA, action)).toContain(action)

  toA.weather = toB.weather = 'fair'
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])

  toA.weather = 'cut'
  const oneWay = await a.untilState(onA, PeerState.DEGRADED)
  expect(oneWay.reason).toBe('they hear us, we do not hear them: no heartbeat of theirs arrives')
  expect((await b.untilState(onB, PeerState.DEGRADED)).reason).toBe(
    'we hear them, they do not hear us: our heartbeats are not answered',
  )
  toA.weather = 'fair'
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
})
