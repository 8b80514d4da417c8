import { create } from '@bufbuild/protobuf'
import { PeerKind, PeerSchema, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { expect, test } from 'vitest'
import { verdictOn } from './review.ts'
import { PEER } from './testing.ts'

const child = (change: object = {}) =>
  create(PeerSchema, {
    id: PEER,
    kind: PeerKind.PLATFORM,
    spawnMode: SpawnMode.MANAGED_CHILD,
    spawnRole: SpawnRole.PARENT,
    state: PeerState.ENROLLED,
    ...change,
  })

test('a managed child of ours is entitled while it may be called, and in no other state', () => {
  const table = Object.entries(PeerState).map(([word, state]) => `${word} ${verdictOn(child({ state })).word}`)
  expect(table).toEqual([
    'UNSPECIFIED nothing',
    'PROPOSED nothing',
    'ACCEPTED nothing',
    'ENROLLED entitled',
    'ACTIVE entitled',
    'DEGRADED entitled',
    'SUSPENDED later',
    'REVOKED over',
  ])
})

test.each([
  ['a peer that the registry does not know', undefined],
  ['an equal', child({ spawnRole: SpawnRole.SYMMETRIC })],
  ['our own parent', child({ spawnRole: SpawnRole.CHILD })],
  ['a child that manages itself', child({ spawnMode: SpawnMode.AUTONOMOUS_PEER })],
  ['a network without a platform', child({ kind: PeerKind.SDWAN_ONLY })],
  ['an equal that is suspended', child({ spawnRole: SpawnRole.SYMMETRIC, state: PeerState.SUSPENDED })],
  ['a peer of which nothing is said', create(PeerSchema)],
])('%s is entitled to nothing', (_who, peer) => {
  expect(verdictOn(peer)).toEqual({ word: 'nothing' })
})

test('whatever was revoked is over, and why is kept', () => {
  const equal = child({ spawnRole: SpawnRole.SYMMETRIC, state: PeerState.REVOKED, reason: 'sold' })
  expect(verdictOn(equal)).toEqual({ word: 'over', reason: 'sold' })
})
