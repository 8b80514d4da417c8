import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, invite, TestPlatform } from '../mesh.ts'

let wide: TestPlatform
let later: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  ;[wide, later, b] = await Promise.all([
    TestPlatform.start('wide', { registry: { CONTRACT_MIN: '1', CONTRACT_MAX: '3', CONTRACT_FEATURES: 'one,two' } }),
    TestPlatform.start('later', { registry: { CONTRACT_MIN: '2', CONTRACT_MAX: '3' } }),
    TestPlatform.start('b', { registry: { CONTRACT_FEATURES: 'two,three' } }),
  ])
})
afterAll(() => Promise.all([wide?.stop(), later?.stop(), b?.stop()]))

test('windows that overlap settle on the highest common version and the features both name', async () => {
  const { onA, onB } = await federate(wide, b)
  const [ofB, ofWide] = await Promise.all([wide.until(onA, () => true), b.until(onB, () => true)])
  for (const peer of [ofB, ofWide]) expect(peer).toMatchObject({ contractVersion: 1, features: ['two'] })
})

test('windows that do not meet are refused before anything is written, and both are named', async () => {
  const { onA, invitation, token } = await invite(later)
  const { preview } = await b.peers.previewInvitation({ invitation })
  expect(preview?.problems).toEqual([expect.stringContaining('CONTRACT_VERSION_UNSUPPORTED')])

  const before = (await b.peers.listPeers({})).peers.length
  const refusal = refusalOf(await b.peers.acceptInvitation({ invitation }).catch((error: unknown) => error))
  expect(refusal).toMatchObject({ reason: 'CONTRACT_VERSION_UNSUPPORTED' })
  expect(refusal?.metadata).toMatchObject({ ours: '1', theirs: '2 to 3', upgrade: 'this platform' })
  expect((await b.peers.listPeers({})).peers).toHaveLength(before)

  // A bare token says nothing of the window: then it is the inviter that refuses, and nothing changes there either.
  const { caPin } = await later.peers.getPlatform({})
  const { peer } = await b.peers.acceptInvitation({ invitation: token, url: later.platform.url, caPin })
  const refused = await b.until(peer?.id ?? '', ({ reason }) => reason.includes('refused'))
  expect(refused).toMatchObject({
    state: PeerState.PROPOSED,
    reason: expect.stringContaining('CONTRACT_VERSION_UNSUPPORTED'),
  })
  expect((await later.until(onA, () => true)).state).toBe(PeerState.PROPOSED)
})
