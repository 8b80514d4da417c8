import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { Reason } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { invite, peerOn, propose, redeem } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger, type Stranger } from '../../test/stranger.ts'
import { DAY_MS } from '../invitation.ts'
import { bundleIn, envelopeBytes } from '../statements.ts'
import { receiveTrustBundle } from './receive-trust-bundle.ts'
import { revokePeer } from './revoke-peer.ts'

let a: TestPlatform
let s: Stranger
let peerId: string
beforeEach(async () => {
  a = await startPlatform('a.example')
  s = await stranger('s.example', a.clock.now())
  peerId = (await propose(a)).id
  await redeem(a, s.accept((await invite(a, peerId)).token))
})
afterEach(() => a.drop())

const receive = (bundle: Envelope) =>
  a.act((tx, now) => receiveTrustBundle(tx, now, { us: a.us, by: BY, peerId, bundle }))

async function refused(bundle: Envelope, reason: Reason) {
  const before = await everything(a)
  await expectRefusal(receive(bundle), reason)
  expect(await everything(a)).toEqual(before)
}

test('a newer bundle replaces the one we hold, whatever CA it names: the identity key is the continuity', async () => {
  const next = await stranger('s.example', a.clock.now())
  const newer = { sequence: 7n, roots: next.roots, crls: next.crls }
  await receive(s.bundle(newer))
  expect(await peerOn(a, peerId)).toMatchObject({ trustBundleSequence: 7 })
  const [root] = bundleIn((await peerOn(a, peerId)).trustBundle!).roots
  expect(next.roots[0]?.equals(root!)).toBe(true)
  expect((await announced(a)).at(-1)).toBe('peer.changed')
})

test('the very same bundle gets a receipt again, and changes nothing', async () => {
  const bundle = s.bundle({ sequence: 2n })
  await receive(bundle)
  const before = await everything(a)
  await receive(bundle)
  expect(await everything(a)).toEqual(before)
})

test('an older sequence, or another bundle under the same one, is refused: it may bring back a stolen CA', async () => {
  await receive(s.bundle({ sequence: 5n }))
  await refused(s.bundle({ sequence: 4n }), 'BUNDLE_SEQUENCE_OLD')
  await refused(s.bundle({ sequence: 5n, crls: [] }), 'BUNDLE_SEQUENCE_OLD')
})

test('a bundle of another key, for another trust domain, or with roots of somebody else is refused', async () => {
  const other = await stranger('other.example', a.clock.now())
  await refused(s.bundle({ sequence: 2n }, other.key), 'BUNDLE_INVALID')
  await refused(other.bundle({ sequence: 2n }), 'BUNDLE_INVALID')
  await refused(s.bundle({ sequence: 2n, trustDomain: 'other.example' }), 'BUNDLE_INVALID')
  await refused(s.bundle({ sequence: 2n, roots: other.roots }), 'BUNDLE_INVALID')
  await refused(s.bundle({ sequence: 2n, roots: [Buffer.from('no certificate')] }), 'BUNDLE_INVALID')
})

test('another statement of the same platform is no trust bundle, though its bytes are signed', async () => {
  const { payload } = s.bundle({ sequence: 2n })
  const disguised = { ...s.accept('A'.repeat(43)).acceptance!, payload }
  await refused(disguised, 'BUNDLE_INVALID')
})

test('a bundle whose roots and lists have all ended is replaced by a fresh one: nobody is locked out for good', async () => {
  await a.clock.advance(4000 * DAY_MS)
  const later = await stranger('s.example', a.clock.now())
  await receive(s.bundle({ sequence: 2n, roots: later.roots, crls: later.crls }))
  expect((await peerOn(a, peerId)).trustBundleSequence).toBe(2)
})

test('a peer whose peering has ended, or has not begun, changes nothing', async () => {
  await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId, reason: '' }))
  await refused(s.bundle({ sequence: 2n }), 'PEER_REVOKED')
  peerId = (await propose(a)).id
  await refused(s.bundle({ sequence: 2n }), 'PEER_NOT_ENROLLED')
})

test('what the row holds is the envelope word for word, so that it can be shown to anybody', async () => {
  const bundle = s.bundle({ sequence: 2n })
  await receive(bundle)
  expect((await peerOn(a, peerId)).trustBundle).toEqual(envelopeBytes(bundle))
})
