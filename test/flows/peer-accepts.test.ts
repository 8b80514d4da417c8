import {
  PeerState,
  SpawnMode,
  SpawnRole,
  TrustMode,
  WaitingOn,
  type Peer,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { federate, invite, twoPlatforms, type TestPlatform } from '../mesh.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  mesh = await twoPlatforms()
  ;({ a, b } = mesh)
})
afterAll(() => mesh?.stop())

describe('two platforms that know nothing of each other', () => {
  test('become peers: proposed, invited, previewed, accepted, active on both sides, and both ledgers tell it', async () => {
    const { onA, invitation } = await invite(a, { name: 'platform-b', url: b.platform.url })
    const proposed = await a.until(onA, () => true)
    expect(proposed).toMatchObject({ state: PeerState.PROPOSED, waitingOn: WaitingOn.THEM })

    const { preview } = await b.peers.previewInvitation({ invitation, probe: true })
    expect(preview).toMatchObject({ trustDomain: 'a.example', contractVersion: 1, expired: false, problems: [] })
    expect(preview?.reachability).toEqual([expect.stringContaining('matches the pin')])
    expect((await b.peers.listPeers({})).peers, 'a preview has no effect').toEqual([])

    const { peer: taken } = await b.peers.acceptInvitation({ invitation, name: 'platform-a' })
    const onB = taken?.id ?? ''
    const [ofB, ofA] = await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
    expect(ofB).toMatchObject({ remotePeerId: onB, contractVersion: 1, trustDomain: 'b.example' })
    expect(ofA).toMatchObject({ remotePeerId: onA, contractVersion: 1, trustDomain: 'a.example' })
    const nothingOpen = ({ openItems }: Peer) => openItems.length === 0
    await Promise.all([a.until(onA, nothingOpen), b.until(onB, nothingOpen)])
    expect(ofA.timers).toEqual(ofB.timers)

    const story = [
      'federation.peer.proposed',
      'federation.peer.accepted',
      'federation.peer.enrolled',
      'federation.peer.active',
    ]
    expect(await a.ledgerOf(onA, 'federation.peer.active')).toEqual(expect.arrayContaining(story))
    expect(await b.ledgerOf(onB, 'federation.peer.active')).toEqual(expect.arrayContaining(story))
    await a.until(onA, ({ acknowledgedBundleSequence }) => acknowledgedBundleSequence >= 1n)

    await Promise.all([a.peers.revokePeer({ peerId: onA }), b.untilState(onB, PeerState.REVOKED)])
  })

  test('a child that keeps no CA for the border is signed for by its parent, and its parent may operate it', async () => {
    const managed = { spawnRole: SpawnRole.PARENT, spawnMode: SpawnMode.MANAGED_CHILD }
    const { onA, onB } = await federate(a, b, {
      propose: managed,
      accept: { trustMode: TrustMode.HIERARCHICAL },
    })
    const child = await a.until(onA, () => true)
    const parent = await b.until(onB, () => true)
    expect(child).toMatchObject({ trustMode: TrustMode.HIERARCHICAL, spawnRole: SpawnRole.PARENT })
    expect(parent).toMatchObject({ trustMode: TrustMode.HIERARCHICAL, spawnRole: SpawnRole.CHILD })
    expect(parent.certificateExpiresAt).toBeDefined()

    await a.ledgerOf(onA, 'federation.peer.active')
    const granted = await b.untilGranted(onB)
    expect(granted).toMatchObject([{ resourceKind: 'managed_child_operator', scopes: ['read', 'write', 'admin'] }])
    // No person saw the bearer, so it travels by itself; the parent keeps the mirror.
    const mirror = async () => (await a.grants.listReceivedGrants({ peerId: onA })).grants
    await expect.poll(mirror, { timeout: 30_000 }).toMatchObject([{ id: granted[0]?.id, status: 'active' }])
    await expect.poll(async () => (await b.untilGranted(onB))[0]?.deliveredAt, { timeout: 30_000 }).toBeDefined()
    await Promise.all([a.peers.revokePeer({ peerId: onA }), b.untilState(onB, PeerState.REVOKED)])
  })

  test('a bare token with the URL and the pin of the CA is enough', async () => {
    const { onA, token } = await invite(a)
    const { caPin } = await a.peers.getPlatform({})
    const { peer } = await b.peers.acceptInvitation({ invitation: token, url: a.platform.url, caPin })
    await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(peer?.id ?? '', PeerState.ACTIVE)])
    await Promise.all([a.peers.revokePeer({ peerId: onA }), b.untilState(peer?.id ?? '', PeerState.REVOKED)])
  })
})
