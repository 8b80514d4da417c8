import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { invite, peerOn, propose, redeem } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import type { PeerState } from '../peer.ts'
import { applyDescription } from './apply-description.ts'
import { recordHeard, recordSilent } from './record-liveness.ts'
import { resumePeer } from './resume-peer.ts'
import { revokePeer } from './revoke-peer.ts'
import { suspendPeer } from './suspend-peer.ts'

let a: TestPlatform
beforeAll(async () => {
  a = await startPlatform('a.example')
})
afterAll(() => a?.drop())

const heard = (peerId: string) => a.act((tx, now) => recordHeard(tx, now, { peerId, toldAt: now }))
const silent = (peerId: string) => a.act((tx, now) => recordSilent(tx, now, { peerId, toldAt: now, why: 'quiet' }))
const suspend = (peerId: string) => a.act((tx, now) => suspendPeer(tx, now, { by: BY, peerId, reason: '' }))
const resume = (peerId: string) => a.act((tx, now) => resumePeer(tx, now, { by: BY, peerId, reason: '' }))
const stateOf = async (peerId: string) => (await peerOn(a, peerId)).state

let count = 0
/** A peer brought into a state by the road that leads there. */
async function peerThatIs(state: PeerState) {
  const { id } = await propose(a)
  const s = await stranger(`s${++count}.example`, a.clock.now())
  const { token } = await invite(a, id)
  const platform = state === 'accepted' ? s.describe({ disclosure: {} as never }) : s.describe()
  if (state !== 'proposed') await redeem(a, s.accept(token, { platform }))
  if (['active', 'degraded'].includes(state)) await heard(id)
  if (state === 'degraded') await silent(id)
  expect(await stateOf(id)).toBe(state)
  return { id, s }
}

test.each([
  ['accepted', 'accepted'],
  ['enrolled', 'enrolled'],
  ['active', 'degraded'],
  ['degraded', 'degraded'],
] as const)('a peer suspended while %s comes back %s', async (state, back) => {
  const { id } = await peerThatIs(state)
  expect(await suspend(id)).toMatchObject({
    state: 'suspended',
    suspendedFrom: state,
    reason: `suspended by ${BY.actor}`,
  })
  await expectRefusal(suspend(id), 'MOVE_NOT_ALLOWED')
  expect(await resume(id)).toMatchObject({ state: back, suspendedFrom: null })
  await expectRefusal(resume(id), 'MOVE_NOT_ALLOWED')
})

test('a proposal cannot be suspended, and what is not suspended cannot be resumed', async () => {
  const { id } = await peerThatIs('proposed')
  await expectRefusal(suspend(id), 'MOVE_NOT_ALLOWED')
  await expectRefusal(resume(id), 'MOVE_NOT_ALLOWED')
})

test('a suspended peer stays so, whatever is heard of it', async () => {
  const { id } = await peerThatIs('active')
  await suspend(id)
  const before = await everything(a)
  await heard(id)
  await silent(id)
  expect(await everything(a)).toEqual(before)
})

test('a disclosure completed while it was suspended takes it on when it is resumed', async () => {
  const { id, s } = await peerThatIs('accepted')
  await suspend(id)
  await a.act((tx, now) => applyDescription(tx, now, { peerId: id, said: s.describe() }))
  expect(await stateOf(id)).toBe('suspended')
  expect((await resume(id)).state).toBe('enrolled')
})

test('silence degrades and a beat recovers, each said once however often it is heard', async () => {
  const { id } = await peerThatIs('enrolled')
  const from = (await announced(a)).length
  for (const hear of [silent, heard, heard, silent, silent, heard]) await hear(id)
  expect((await announced(a)).slice(from)).toEqual(['peer.active', 'peer.degraded', 'peer.active'])
})

test.each(['proposed', 'accepted', 'enrolled', 'active', 'degraded'] as const)(
  'a peer that is %s can be revoked, and nothing it does counts any more',
  async (state) => {
    const { id, s } = await peerThatIs(state)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: id, reason: '' }))
    const before = await everything(a)
    await heard(id)
    await silent(id)
    await a.act((tx, now) => applyDescription(tx, now, { peerId: id, said: s.describe({ name: 'new' }) }))
    expect(await everything(a)).toEqual(before)
    await expectRefusal(suspend(id), 'MOVE_NOT_ALLOWED')
  },
)
