import { PeerState, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, twoPlatforms, type TestPlatform } from '../mesh.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  mesh = await twoPlatforms()
  ;({ a, b } = mesh)
})
afterAll(() => mesh?.stop())

test('a suspended peer is refused until it is resumed; the other side sees silence, and both recover', async () => {
  const { onA, onB } = await federate(a, b)
  const { peer: suspended } = await a.peers.suspendPeer({ peerId: onA, reason: 'maintenance' })
  expect(suspended).toMatchObject({ state: PeerState.SUSPENDED, reason: 'maintenance', waitingOn: WaitingOn.US })
  expect(suspended?.next).toBe(`fedctl peer resume ${onA}`)

  await b.untilState(onB, PeerState.DEGRADED)
  const { freshness } = await b.liveness.listFreshness({ peerIds: [onB] })
  expect(freshness[0]?.lastError).toContain('PEER_SUSPENDED')

  const again = await a.peers.suspendPeer({ peerId: onA }).catch(refusalOf)
  expect(again).toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })

  const { peer: resumed } = await a.peers.resumePeer({ peerId: onA })
  expect(resumed?.state, 'a peer that was active has to be heard first').toBe(PeerState.DEGRADED)
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
})
