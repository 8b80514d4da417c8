import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { beforeEach, expect, test } from 'vitest'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  PeerRouteSchema,
  SnapshotCompleteSchema,
  TickSchema,
  type WatchPeersResponse,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PeerTable, type Change } from './peer-table.ts'

let nowMs: number
let table: PeerTable
let changes: Change[]

beforeEach(() => {
  nowMs = 0
  table = new PeerTable(() => nowMs)
  changes = []
  table.watch((change) => changes.push(change))
})

type Update = WatchPeersResponse['update']

function hear(...updates: Update[]): void {
  for (const update of updates) table.apply(update)
}

function peer(peerId: string, some: MessageInitShape<typeof PeerRouteSchema> = {}): Update {
  const route = {
    peerId,
    state: PeerState.ACTIVE,
    spiffeId: `spiffe://${peerId}.example/service/federation-gateway`,
    trustDomain: `${peerId}.example`,
    trustRoots: [new Uint8Array([1])],
    ...some,
  }
  return { case: 'peer', value: create(PeerRouteSchema, route) }
}

const complete: Update = { case: 'snapshotComplete', value: create(SnapshotCompleteSchema) }
const tick: Update = { case: 'tick', value: create(TickSchema, { leaseMs: 1_000 }) }

test('nothing is believed before the first tick, nor once its lease has run out', () => {
  table.begin()
  hear(peer('b'), complete)
  expect(table.fresh).toBe(false)
  hear(tick)
  expect(table.fresh).toBe(true)
  nowMs = 999
  expect(table.fresh).toBe(true)
  nowMs = 1_000
  expect(table.fresh).toBe(false)
})

test('a tick inside a snapshot vouches for nothing', () => {
  table.begin()
  hear(peer('b'), tick)
  expect(table.fresh).toBe(false)
})

test('a new snapshot replaces everything at once, and what it does not name is gone', () => {
  table.begin()
  hear(peer('b'), peer('c'), complete)
  table.begin()
  hear(peer('c'))
  expect(table.peer('b')?.peerId).toBe('b') // the new snapshot is not whole yet
  changes.length = 0
  hear(complete)
  expect(table.peer('b')).toBeUndefined()
  expect(table.byTrustDomain('b.example')).toBeUndefined()
  expect(changes).toMatchObject([{ before: { peerId: 'b' } }]) // c is as it was
})

test('a peer that changes its name is no longer found by the old one', () => {
  table.begin()
  hear(complete, peer('b'))
  hear(peer('b', { spiffeId: 'spiffe://new.example/service/federation-gateway', trustDomain: 'new.example' }))
  expect(table.bySpiffeId('spiffe://b.example/service/federation-gateway')).toBeUndefined()
  expect(table.byTrustDomain('new.example')?.peerId).toBe('b')
})

test('of several peerings with one name the live one counts, and of live ones the youngest', () => {
  const name = { spiffeId: 'spiffe://x.example/service/federation-gateway', trustDomain: 'x.example' }
  table.begin()
  hear(complete, peer('1', name), peer('2', name), peer('3', { ...name, state: PeerState.REVOKED }))
  expect(table.bySpiffeId(name.spiffeId)?.peerId).toBe('2')
  hear(peer('1', { ...name, state: PeerState.REVOKED }), peer('2', { ...name, state: PeerState.REVOKED }))
  expect(table.bySpiffeId(name.spiffeId)?.peerId).toBe('3')
})

test('a domain whose roots we do not hold has nobody to vouch for it', () => {
  table.begin()
  hear(complete, peer('b', { trustRoots: [] }))
  expect(table.byTrustDomain('b.example')).toBeUndefined()
})

test('a peer without a name is found by its id alone', () => {
  table.begin()
  hear(complete, peer('b', { spiffeId: '', trustDomain: '' }))
  expect(table.peer('b')?.peerId).toBe('b')
  expect(table.bySpiffeId('')).toBeUndefined()
})
