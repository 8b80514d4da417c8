import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { EntrySchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { PeerSchema, PeerState, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { expect, test } from 'vitest'
import { plain } from './plain.ts'

test('a peer is an object with snake_case keys and lower-case words', () => {
  const peer = create(PeerSchema, {
    id: 'p1',
    state: PeerState.ACTIVE,
    waitingOn: WaitingOn.NOBODY,
    since: timestampFromDate(new Date('2026-11-21T12:00:00Z')),
    trustBundleSequence: 5n,
    endpoints: [{ endpoint: { url: 'https://b.example', scope: EndpointScope.WAN, priority: 1 }, status: 'reachable' }],
    timers: { heartbeatInterval: { seconds: 60n }, staleAfter: { seconds: 300n } },
    metadata: { site: 'north', nested: { peer_state: 'PEER_STATE_ACTIVE' } },
  })
  expect(plain(PeerSchema, peer)).toMatchObject({
    id: 'p1',
    state: 'active',
    waiting_on: 'nobody',
    since: '2026-11-21T12:00:00Z',
    trust_bundle_sequence: 5,
    open_items: [],
    endpoints: [{ endpoint: { url: 'https://b.example', scope: 'wan', priority: 1 }, status: 'reachable' }],
    timers: { heartbeat_interval: '60s', stale_after: '300s' },
    metadata: { site: 'north', nested: { peer_state: 'PEER_STATE_ACTIVE' } },
  })
})

test('what is unspecified is not there', () => {
  expect(plain(PeerSchema, create(PeerSchema, {}))).not.toHaveProperty('state')
})

test('digests are hex', () => {
  const entry = create(EntrySchema, { sequence: 7n, payloadSha256: new Uint8Array([0xca, 0xfe]) })
  expect(plain(EntrySchema, entry)).toMatchObject({ sequence: 7, payload_sha256: 'cafe' })
})
