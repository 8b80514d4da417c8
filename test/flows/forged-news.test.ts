import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { openBus, type Bus } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { PeerKind, PeerState, SpawnMode, SpawnRole, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, twoPlatforms, type TestPlatform } from '../mesh.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let bus: Bus
beforeAll(async () => {
  mesh = await twoPlatforms()
  ;({ a, b } = mesh)
  const { platform } = a
  const tlsDir = identityDir(platform, 'peer-registry')
  bus = await openBus({ servers: `nats://127.0.0.1:${platform.ports.nats}`, tlsDir, name: 'peer-registry' })
})
afterAll(async () => {
  await bus?.close()
  await mesh?.stop()
})

const MANAGED = { spawnRole: SpawnRole.PARENT, spawnMode: SpawnMode.MANAGED_CHILD }

/** Says on NATS, as peer-registry would, that a parent of ours enrolled, or was revoked. */
async function forge(word: 'enrolled' | 'revoked', peerId: string): Promise<void> {
  const state = word === 'enrolled' ? PeerState.ENROLLED : PeerState.REVOKED
  const now = systemClock.now()
  const id = newId(now)
  const event = create(EventSchema, {
    id,
    kind: `federation.peer.${word}`,
    source: 'peer-registry',
    peerId,
    actor: 'operator/admin',
    at: timestampFromDate(now),
    payload: anyPack(
      PeerMovedSchema,
      create(PeerMovedSchema, {
        peer: { id: peerId, kind: PeerKind.PLATFORM, state, spawnMode: MANAGED.spawnMode, spawnRole: SpawnRole.CHILD },
      }),
    ),
  })
  const connection = await bus.connection(AbortSignal.timeout(30_000))
  if (!connection) throw new Error('NATS cannot be reached')
  await connection.jetstream().publish(`fed.peer.${word}.${peerId}`, toBinary(EventSchema, event), { msgID: id })
}

/** How many peers grant-authz has looked at, by what came of it. */
async function lookedAt(outcome: 'related' | 'nothing'): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${a.platform.ports['grant-authz-metrics']}/metrics`)).text()
  return Number(new RegExp(`^fed_peer_reviews_total\\{.*outcome="${outcome}".*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

async function has(outcome: 'related' | 'nothing', count: number): Promise<void> {
  await expect.poll(() => lookedAt(outcome), { timeout: 30_000 }).toBeGreaterThanOrEqual(count)
}

test('whoever owns NATS can have nobody granted anything, and no grant ended', async () => {
  const { onA: equal } = await federate(a, b)
  await has('related', 1)
  await forge('enrolled', equal)
  await forge('enrolled', newId(systemClock.now()))
  await Promise.all([has('related', 2), has('nothing', 1)])
  expect((await a.grants.listGrants({})).grants).toEqual([])
  await a.peers.revokePeer({ peerId: equal })

  // What a managed child gives, it gives to its parent: here a is the child.
  const { onB: parent } = await federate(b, a, { propose: MANAGED, accept: { trustMode: TrustMode.HIERARCHICAL } })
  await a.untilGranted(parent)
  const looks = await lookedAt('related')
  await forge('enrolled', parent)
  await has('related', looks + 1)
  await forge('revoked', parent)
  await has('related', looks + 2)
  expect((await a.grants.listGrants({})).grants).toMatchObject([{ peerId: parent, status: 'active' }])
})
