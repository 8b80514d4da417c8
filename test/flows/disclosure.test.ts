import { PeerState, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { invite, TestPlatform } from '../mesh.ts'

/** Nobody here lives to see the next regular beat: who goes on has been told. */
const registry = { HEARTBEAT_INTERVAL: '10m', STALE_AFTER: '30m' }
const UNSAID = {
  a: { DISCLOSURE_CONTACT: '' },
  b: { DISCLOSURE_JURISDICTION: '', DISCLOSURE_RELEASE_TAG: ' ' },
} as const

let a: TestPlatform
let b: TestPlatform
let onA: string
let onB: string
beforeAll(async () => {
  ;[a, b] = await Promise.all([start('a'), start('b')])
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))

const start = (name: keyof typeof UNSAID) => TestPlatform.start(name, { registry: { ...registry, ...UNSAID[name] } })

test('two platforms that do not say who stands behind them stay accepted, and each is told what is missing', async () => {
  const { onA: peer, invitation } = await invite(a)
  onA = peer
  onB = (await b.peers.acceptInvitation({ invitation })).peer?.id ?? ''
  const [ofB, ofA] = await Promise.all([a.untilState(onA, PeerState.ACCEPTED), b.untilState(onB, PeerState.ACCEPTED)])
  const next = 'ask the other operator to complete its disclosure; it goes on by itself'
  expect(ofB).toMatchObject({
    reason: 'the peer has not disclosed its jurisdiction, release_tag',
    waitingOn: WaitingOn.THEM,
    next,
  })
  expect(ofA).toMatchObject({ reason: 'the peer has not disclosed its contact', waitingOn: WaitingOn.THEM, next })
  const heard = await Promise.all([
    a.untilFreshness(onA, ({ hearing }) => hearing === 'both'),
    b.untilFreshness(onB, ({ hearing }) => hearing === 'both'),
  ])
  expect(heard.map(({ announced }) => announced)).toEqual(['unknown', 'unknown'])
  expect([ofB.enrolledAt, ofA.enrolledAt], 'beats alone take nobody on').toEqual([undefined, undefined])
})

test('a platform started again with a whole disclosure goes on by itself; the other stays where it is', async () => {
  await b.stop({ keep: true })
  b = await TestPlatform.startIn(b.platform.dir, 'b', { registry })
  const ofB = await a.untilState(onA, PeerState.ACTIVE)
  expect(ofB.disclosure).toMatchObject({
    jurisdiction: expect.stringMatching(/./),
    releaseTag: expect.stringMatching(/./),
  })
  const ofA = await b.until(onB, () => true)
  expect(ofA).toMatchObject({ state: PeerState.ACCEPTED, reason: 'the peer has not disclosed its contact' })
})

test('one service started again with the missing word is enough; both are active, and the ledgers tell it in order', async () => {
  await a.restart('peer-registry', { DISCLOSURE_CONTACT: 'ops@a.example' })
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  const moves = ['accepted', 'enrolled', 'active'].map((state) => `federation.peer.${state}`)
  for (const [platform, peer] of [
    [a, onA],
    [b, onB],
  ] as const) {
    const actions = await platform.ledgerOf(peer, 'federation.peer.active')
    expect(actions.filter((action) => moves.includes(action))).toEqual(moves)
    expect(actions).toContain('federation.peer.changed')
  }
})
