import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { Refusal, refusalOf } from '@powernode/rpc'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Caller } from './caller.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

const { method } = FederationService
let world: World
let b: Platform
const callers: Caller[] = []

beforeAll(async () => {
  ;[world, b] = await Promise.all([startWorld({ calls: { callsPerPeer: 20 } }), makePlatform('b.example')])
})
afterAll(() => world.stop())
afterEach(() => {
  for (const caller of callers.splice(0)) caller.close()
  for (const peerId of world.registry.peers.keys()) world.registry.remove(peerId)
})

function asB(): Caller {
  const caller = new Caller(world.door, b.gateway, 'b.example')
  callers.push(caller)
  return caller
}

async function known(state: PeerState = PeerState.ACTIVE): Promise<string> {
  const route = routeTo(b, { state })
  world.registry.put(route)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === world.registry.peers.size)
  return route.peerId
}

test('what a peer says of its log reaches audit-ledger under our id of it, and the answer goes back as it is', async () => {
  const peerId = await known()
  const heard: string[] = []
  world.ledger.answers.witnessCheckpoint = async (said) => {
    heard.push(said.peerId, said.request?.checkpoint ?? '')
    return { response: { cosignatures: '— a.example/witness c2lnbmF0dXJl\n' } }
  }
  world.ledger.answers.mirrorEntries = async (said) => {
    heard.push(said.peerId, `${said.request?.entries.length}`)
    return { response: { size: 256n } }
  }
  const answer = await asB().call(method.addCheckpoint, { checkpoint: 'a note', oldSize: 3n })
  expect(answer.cosignatures).toBe('— a.example/witness c2lnbmF0dXJl\n')
  const entries = Array.from({ length: 256 }, () => ({ leaf: Buffer.alloc(1_000, 1) }))
  expect(await asB().call(method.addEntries, { entries, checkpoint: 'a note' })).toMatchObject({ size: 256n })
  expect(heard).toEqual([peerId, 'a note', peerId, '256'])
})

test('what audit-ledger refuses is refused in its own words, with what the peer needs to go on', async () => {
  await known()
  const metadata = { size: '7', checkpoint: 'b.example/peers/x\n7\n' }
  world.ledger.answers.witnessCheckpoint = async () => {
    throw new Refusal('CHECKPOINT_CONFLICT', 'the log was witnessed up to size 7', { metadata })
  }
  const refused = await asB().call(method.addCheckpoint, { checkpoint: 'a note' }).catch(refusalOf)
  expect(refused).toMatchObject({ reason: 'CHECKPOINT_CONFLICT', metadata })
})

test.each([
  ['PEER_SUSPENDED', PeerState.SUSPENDED],
  ['PEER_NOT_ENROLLED', PeerState.ACCEPTED],
  ['PEER_REVOKED', PeerState.REVOKED],
] as const)('%s: a peer in another state speaks of no ledger', async (reason, state) => {
  await known(state)
  const asked = [
    () => asB().call(method.addCheckpoint, { checkpoint: 'a note' }),
    () => asB().call(method.addEntries, { entries: [{ leaf: Buffer.alloc(1) }], checkpoint: 'a note' }),
    () => asB().call(method.readMirror, {}),
    () => asB().call(method.listAuditExcerpts, {}),
    () => asB().call(method.getReceipt, { decisionId: '019f0000-0000-7000-8000-000000000001' }),
  ]
  for (const one of asked) expect((await one().catch(refusalOf)) as Refusal).toMatchObject({ reason })
})

test('ledgers have a limit of their own: a peer that has used up its calls is still witnessed', async () => {
  await known()
  world.ledger.answers.witnessCheckpoint = async () => ({ response: { cosignatures: 'x' } })
  const caller = asB()
  const limited = (one: unknown) => one instanceof Refusal && one.reason === 'RATE_LIMITED'
  const many = async (count: number, call: () => Promise<unknown>) =>
    (await Promise.all(Array.from({ length: count }, () => call().catch(refusalOf)))).some(limited)
  // Again, where a machine is so slow that a limit per second does not see them as one crowd.
  await expect.poll(() => many(60, () => caller.beat())).toBe(true)
  expect(await caller.call(method.addCheckpoint, { checkpoint: 'a note' })).toMatchObject({ cosignatures: 'x' })
  // More than two seconds' worth: where the second of the limit begins is not ours to choose.
  await expect.poll(() => many(500, () => caller.call(method.addCheckpoint, { checkpoint: 'n' }))).toBe(true)
})
