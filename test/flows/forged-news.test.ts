import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { openBus, type Bus } from '@powernode/events'
import { publishSigned } from '@powernode/events/testing'
import { newId } from '@powernode/postgres'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { PeerMovedSchema } from '@powernode/proto/powernode/peer/v1/events_pb.ts'
import { PeerKind, PeerState, SpawnMode, SpawnRole, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { connect } from 'nats'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let bus: Bus
beforeAll(async () => {
  mesh = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } })
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

type News = { readonly id: string; readonly subject: string; readonly data: Uint8Array }

/** What peer-registry would say when a parent of ours enrolled, or was revoked. */
function news(word: 'enrolled' | 'revoked', peerId: string): News {
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
  return { id, subject: `fed.peer.${word}.${peerId}`, data: toBinary(EventSchema, event) }
}

/** Whoever has stolen peer-registry's key says it. */
async function forge(word: 'enrolled' | 'revoked', peerId: string): Promise<void> {
  const { subject, data } = news(word, peerId)
  await publishSigned(bus, subject, data)
}

/** What a platform has written down, asked of its tables. */
async function inLedger<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[]): Promise<Row[]> {
  const client = new pg.Client(a.platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    return (await client.query<Row>(sql, [...values])).rows
  } finally {
    await client.end()
  }
}

/** How many peers grant-authz has looked at, by what came of it. */
async function lookedAt(outcome: 'related' | 'nothing'): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${a.platform.ports['grant-authz-metrics']}/metrics`)).text()
  return Number(new RegExp(`^fed_peer_reviews_total\\{.*outcome="${outcome}".*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

async function has(outcome: 'related' | 'nothing', count: number): Promise<void> {
  await expect.poll(() => lookedAt(outcome)).toBeGreaterThanOrEqual(count)
}

/** Ends a peering, and waits until B was told: before that it takes A for its peer, and for no other. */
async function endBoth(onA: string, onB: string): Promise<void> {
  await a.peers.revokePeer({ peerId: onA })
  await b.untilState(onB, PeerState.REVOKED)
}

test('what the owner of NATS says is written down by nobody, and acted on by nobody', async () => {
  const { onA, onB } = await federate(a, b)
  const dir = identityDir(a.platform, 'peer-registry')
  const servers = `nats://127.0.0.1:${a.platform.ports.nats}`
  const owner = await connect({
    servers,
    inboxPrefix: '_INBOX.peer-registry',
    tls: { certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem'), caFile: join(dir, 'roots.pem') },
  })
  const forged = news('enrolled', onA)
  await owner.jetstream().publish(forged.subject, forged.data)
  await owner.close()
  // What comes after it is heard all the same.
  await a.peers.suspendPeer({ peerId: onA })
  const { length } = await a.ledgerOf(onA, 'federation.peer.suspended')
  expect(length).toBeGreaterThan(0)
  expect(await inLedger('select 1 from audit_ledger.entry where id = $1', [forged.id])).toEqual([])
  expect(await inLedger('select 1 from audit_ledger.event where id = $1', [forged.id])).toEqual([])
  const letters = 'select reason from audit_ledger.dead_letter where subject = $1 union all select reason from grant_authz.dead_letter where subject = $1' // prettier-ignore
  await expect.poll(() => inLedger(letters, [forged.subject])).toEqual([{ reason: 'SIGNATURE_MISSING' }, { reason: 'SIGNATURE_MISSING' }]) // prettier-ignore
  expect(await inLedger('select 1 from grant_authz.inbox where event_id = $1', [forged.id])).toEqual([])
  await endBoth(onA, onB)
})

test('whoever steals the key of peer-registry can have nobody granted anything, and no grant ended', async () => {
  const { onA: equal, onB: equalOnB } = await federate(a, b)
  const [related, nothing] = [await lookedAt('related'), await lookedAt('nothing')]
  await forge('enrolled', equal)
  await forge('enrolled', newId(systemClock.now()))
  await Promise.all([has('related', related + 1), has('nothing', nothing + 1)])
  expect((await a.grants.listGrants({})).grants).toEqual([])
  await endBoth(equal, equalOnB)

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
