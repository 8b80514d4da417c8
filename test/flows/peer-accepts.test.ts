import {
  PeerState,
  SpawnMode,
  SpawnRole,
  TrustMode,
  WaitingOn,
  type Peer,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
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

  test('a child that keeps no CA for the border is signed for by its parent, which may operate it until it leaves', async () => {
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
    await expect.poll(mirror).toMatchObject([{ id: granted[0]?.id, status: 'active' }])
    await expect.poll(async () => (await b.untilGranted(onB))[0]?.deliveredAt).toBeDefined()

    // It can leave, though its certificate is the parent's, and the parent is told.
    await b.peers.revokePeer({ peerId: onB, reason: 'grown up' })
    const ended = await a.untilState(onA, PeerState.REVOKED)
    expect(ended.reason).toBe('the other side ended the peering: grown up')
    await b.until(onB, ({ notifiedAt, openItems }) => notifiedAt !== undefined && openItems.length === 0)
  })

  test('a bare token with the URL and the pin of the CA is enough', async () => {
    const { onA, token } = await invite(a)
    const { caPin } = await a.peers.getPlatform({})
    const { peer } = await b.peers.acceptInvitation({ invitation: token, url: a.platform.url, caPin })
    await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(peer?.id ?? '', PeerState.ACTIVE)])
    await Promise.all([a.peers.revokePeer({ peerId: onA }), b.untilState(peer?.id ?? '', PeerState.REVOKED)])
  })
})

describe('a peering that stands', () => {
  let onA: string
  let onB: string
  beforeAll(async () => {
    ;({ onA, onB } = await federate(a, b))
  })

  test('suspended, the peer is refused until it is resumed; the other side sees silence, and both recover', async () => {
    const { peer: suspended } = await a.peers.suspendPeer({ peerId: onA, reason: 'maintenance' })
    expect(suspended).toMatchObject({ state: PeerState.SUSPENDED, reason: 'maintenance', waitingOn: WaitingOn.US })
    expect(suspended?.next).toBe(`fedctl peer resume ${onA}`)

    await b.untilState(onB, PeerState.DEGRADED)
    await b.untilFreshness(onB, ({ lastError }) => lastError.includes('PEER_SUSPENDED'))

    const again = await a.peers.suspendPeer({ peerId: onA }).catch(refusalOf)
    expect(again).toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })

    const { peer: resumed } = await a.peers.resumePeer({ peerId: onA })
    expect(resumed?.state, 'a peer that was active has to be heard first').toBe(PeerState.DEGRADED)
    await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  })

  test('it ends though the other side is gone; it is told when it is back, and can be peered anew', async () => {
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
})
