import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { beforeEach, expect, test } from 'vitest'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRouteSchema } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { PeerTable, type Change } from './peer-table.ts'

let table: PeerTable
let changes: Change[]

beforeEach(() => {
  table = new PeerTable()
  changes = []
  table.watch((change) => changes.push(change))
})

type Update = Parameters<PeerTable['apply']>[0]

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

test('nothing is believed unless somebody knows that the lease is running', () => {
  table.begin(true)
  hear(peer('b'))
  table.whole()
  expect(table.fresh).toBe(false)
  let running = true
  table.trust(() => running)
  expect(table.fresh).toBe(true)
  running = false
  expect(table.fresh).toBe(false)
})

test('a stream that continues changes what is held at once, also when a snapshot broke off before it', () => {
  table.begin(true)
  hear(peer('b'), peer('c'))
  table.whole()
  table.begin(true)
  hear(peer('d'))
  table.begin(false)
  hear({ case: 'removedPeerId', value: 'b' })
  table.whole()
  expect([...table.routes()].map(({ peerId }) => peerId)).toEqual(['c'])
})

test('a new snapshot replaces everything at once, and what it does not name is gone', () => {
  table.begin(true)
  hear(peer('b'), peer('c'))
  table.whole()
  table.begin(true)
  hear(peer('c'))
  expect(table.peer('b')?.peerId).toBe('b') // the new snapshot is not whole yet
  changes.length = 0
  table.whole()
  expect(table.peer('b')).toBeUndefined()
  expect(table.byTrustDomain('b.example')).toBeUndefined()
  expect(changes).toMatchObject([{ before: { peerId: 'b' } }]) // c is as it was
})

test('a peer that changes its name is no longer found by the old one', () => {
  hear(peer('b'))
  hear(peer('b', { spiffeId: 'spiffe://new.example/service/federation-gateway', trustDomain: 'new.example' }))
  expect(table.bySpiffeId('spiffe://b.example/service/federation-gateway')).toBeUndefined()
  expect(table.byTrustDomain('new.example')?.peerId).toBe('b')
})

test('of several peerings with one name the live one counts, and of live ones the youngest', () => {
  const name = { spiffeId: 'spiffe://x.example/service/federation-gateway', trustDomain: 'x.example' }
  hear(peer('1', name), peer('2', name), peer('3', { ...name, state: PeerState.REVOKED }))
  expect(table.bySpiffeId(name.spiffeId)?.peerId).toBe('2')
  hear(peer('1', { ...name, state: PeerState.REVOKED }), peer('2', { ...name, state: PeerState.REVOKED }))
  expect(table.bySpiffeId(name.spiffeId)?.peerId).toBe('3')
})

test('a domain whose roots we do not hold has nobody to vouch for it', () => {
  hear(peer('b', { trustRoots: [] }))
  expect(table.byTrustDomain('b.example')).toBeUndefined()
})

test('a peer without a name is found by its id alone', () => {
  hear(peer('b', { spiffeId: '', trustDomain: '' }))
  expect(table.peer('b')?.peerId).toBe('b')
  expect(table.bySpiffeId('')).toBeUndefined()
})
