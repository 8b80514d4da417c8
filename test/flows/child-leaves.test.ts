import { PeerState, SpawnMode, SpawnRole, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
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

test('a child whose certificate its parent signed can leave, and its parent is told', async () => {
  const { onA, onB } = await federate(a, b, {
    propose: { spawnRole: SpawnRole.PARENT, spawnMode: SpawnMode.MANAGED_CHILD },
    accept: { trustMode: TrustMode.HIERARCHICAL },
  })
  await b.peers.revokePeer({ peerId: onB, reason: 'grown up' })
  const ended = await a.untilState(onA, PeerState.REVOKED)
  expect(ended.reason).toBe('the other side ended the peering: grown up')
  await b.until(onB, ({ notifiedAt, openItems }) => notifiedAt !== undefined && openItems.length === 0)
})
