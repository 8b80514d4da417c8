import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
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

test('a peering ends though the other side is gone; it is told when it is back, and can be peered anew', async () => {
  const { onA, onB } = await federate(a, b)
  await b.platform.parts['federation-gateway'].pause()

  const rehearsal = await a.peers.revokePeer({ peerId: onA, dryRun: true })
  expect(rehearsal.effects).toContain('every call of the peer is refused, on open connections too')
  expect((await a.until(onA, () => true)).state, 'a dry run changes nothing').not.toBe(PeerState.REVOKED)

  const { peer, effects } = await a.peers.revokePeer({ peerId: onA, reason: 'the contract ended' })
  expect(effects).toEqual(rehearsal.effects)
  expect(peer).toMatchObject({ state: PeerState.REVOKED, reason: 'the contract ended' })
  await a.until(onA, ({ openItems }) => openItems.some((item) => item.startsWith('the peer has not been told')))

  await b.platform.parts['federation-gateway'].resume()
  const ended = await b.untilState(onB, PeerState.REVOKED)
  expect(ended.reason).toBe('the other side ended the peering: the contract ended')
  await a.until(onA, ({ notifiedAt, openItems }) => notifiedAt !== undefined && openItems.length === 0)

  expect(await a.peers.revokePeer({ peerId: onA }).catch(refusalOf)).toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })
  const { peer: anew, invitation } = await a.peers.repeerPeer({ peerId: onA })
  expect(anew).toMatchObject({ previousPeerId: onA, state: PeerState.PROPOSED, platformId: peer?.platformId })
  const { peer: taken } = await b.peers.acceptInvitation({ invitation: invitation?.text ?? '' })
  await Promise.all([a.untilState(anew?.id ?? '', PeerState.ACTIVE), b.untilState(taken?.id ?? '', PeerState.ACTIVE)])
  expect(await a.ledgerOf(onA, 'federation.peer.revoked')).toContain('federation.peer.active')
})
