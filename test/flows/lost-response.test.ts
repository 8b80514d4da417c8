import { systemClock } from '@powernode/clock'
import { until } from '@powernode/events/testing'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { createClient } from '@powernode/rpc'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENCE_MS } from '../eventually.ts'
import { holdTable } from '../held-table.ts'
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
  const invitations = await holdTable(a, 'peer_registry.invitation')
  const { peer } = await b.peers.acceptInvitation({ invitation })
  const onB = peer?.id ?? ''
  await invitations.isWanted()
  toA.weather = 'deaf'
  await invitations.letGo()
  await a.untilState(onA, PeerState.ACCEPTED, PeerState.ENROLLED)
  expect((await b.until(onB, () => true)).state, 'the answer is still under way').toBe(PeerState.PROPOSED)
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  while (toA.swallowed() === 0 && !giveUp.aborted) await systemClock.sleep(20, giveUp)
  expect(toA.swallowed()).toBeGreaterThan(0)

  toA.weather = 'cut'
  toA.weather = 'fair'
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  const actions = await a.ledgerOf(onA, 'federation.peer.active')
  expect(actions.filter((action) => action === 'federation.peer.accepted')).toHaveLength(1)
  expect(actions.filter((action) => action === 'federation.invitation.redeemed')).toHaveLength(1)
})

test('a notice of revocation whose answer is lost is told again, and the receipt is the one that was given', async () => {
  const onB = (await b.peers.listPeers({})).peers[0]?.id ?? ''
  const onA = (await a.peers.listPeers({})).peers[0]?.id ?? ''
  const before = toA.swallowed()
  const notices = await holdTable(a, 'peer_registry.notice')
  await b.peers.revokePeer({ peerId: onB, reason: 'we part' })
  await notices.isWanted()
  toA.weather = 'deaf'
  await notices.letGo()
  await a.untilState(onA, PeerState.REVOKED)
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  while (toA.swallowed() === before && !giveUp.aborted) await systemClock.sleep(20, giveUp)
  const [ours, theirs] = [b, a].map((of) => createClient(NoticeService, of.transport('peer-registry')))
  const sent = async () => (await ours?.listNotices({ direction: 'sent', kind: 'revocation' }))?.notices[0]
  expect(await sent(), 'the answer is still under way').toMatchObject({ owed: 1 })

  toA.weather = 'cut'
  toA.weather = 'fair'
  await until(async () => (await sent())?.owed === 0)
  const told = await ours?.getNotice({ id: (await sent())?.id ?? '' })
  expect(told?.notice?.deliveries).toMatchObject([{ status: 'delivered', receipted: true }])
  expect((await theirs?.listNotices({ direction: 'received' }))?.notices, 'heard once').toHaveLength(1)
})
