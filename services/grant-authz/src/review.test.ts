import { create } from '@bufbuild/protobuf'
import { PeerKind, PeerSchema, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { expect, test } from 'vitest'
import { verdictOn } from './review.ts'
import { PEER } from './testing.ts'

const parent = (change: object = {}) =>
  create(PeerSchema, {
    id: PEER,
    kind: PeerKind.PLATFORM,
    spawnMode: SpawnMode.MANAGED_CHILD,
    spawnRole: SpawnRole.CHILD,
    state: PeerState.ENROLLED,
    ...change,
  })

test('a peer counts once it is enrolled, is told apart while suspended, and is over when revoked', () => {
  const table = Object.entries(PeerState).map(([word, state]) => {
    const verdict = verdictOn(parent({ state }))
    return `${word} ${verdict.word}${verdict.word === 'related' && verdict.suspended ? ' suspended' : ''}`
  })
  expect(table).toEqual([
    'UNSPECIFIED nothing',
    'PROPOSED nothing',
    'ACCEPTED nothing',
    'ENROLLED related',
    'ACTIVE related',
    'DEGRADED related',
    'SUSPENDED related suspended',
    'REVOKED over',
  ])
})

test.each([
  ['our parent', parent(), { mode: 'managed_child', role: 'child' }],
  ['a child of ours', parent({ spawnRole: SpawnRole.PARENT }), { mode: 'managed_child', role: 'parent' }],
  [
    'a child that manages itself',
    parent({ spawnMode: SpawnMode.AUTONOMOUS_PEER }),
    { mode: 'autonomous_peer', role: 'child' },
  ],
  ['a network without a platform', parent({ kind: PeerKind.SDWAN_ONLY }), { mode: 'out_of_band', role: 'symmetric' }],
  [
    'one of a mode that is not said',
    parent({ spawnMode: SpawnMode.UNSPECIFIED }),
    { mode: 'out_of_band', role: 'symmetric' },
  ],
  ['one of a role we do not know', parent({ spawnRole: 99 }), { mode: 'out_of_band', role: 'symmetric' }],
])('%s is related to us as the registry says, and in no other way', (_who, peer, relationship) => {
  expect(verdictOn(peer)).toMatchObject({ relationship })
})

test('a peer that the registry does not know is nothing, and so is one of which nothing is said', () => {
  expect([verdictOn(undefined), verdictOn(create(PeerSchema))]).toEqual([{ word: 'nothing' }, { word: 'nothing' }])
})

test('whatever was revoked is over, and why is kept', () => {
  const equal = parent({ spawnRole: SpawnRole.SYMMETRIC, state: PeerState.REVOKED, reason: 'sold' })
  expect(verdictOn(equal)).toEqual({ word: 'over', reason: 'sold' })
})
