import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestDatabase } from '@powernode/postgres/testing'
import { NO_BOOKMARK, bookmark, type Bookmark } from '../bookmark.ts'
import type { Beat } from '../heard-beat.ts'
import * as freshness from '../store/freshness.ts'
import type { Tables } from '../store/tables.ts'
import { recordBeats, type Said } from './record-beats.ts'
import { START, aBeat, aFailure, aPeer, anAnswer, announced, at, livenessDatabase, newsOf } from './testing.ts'

let database: TestDatabase<Tables>
beforeAll(async () => void (database = await livenessDatabase()))
afterAll(() => database.drop())

const record = (said: readonly Said[], now = START) => inTransaction(database.db, (tx) => recordBeats(tx, now, said))
const rowOf = async (peerId: string) =>
  (await inTransaction(database.db, (tx) => freshness.find(tx, [peerId]))).get(peerId)

test('a peer is announced as heard when beats go both ways, and not before', async () => {
  const peer = aPeer()
  await record([{ kind: 'heard', peer, beat: aBeat(), description: undefined }])
  expect(await newsOf(database.db, peer.peerId)).toEqual([])
  await record([{ kind: 'answered', peer, beat: anAnswer() }])
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard'])
  expect(await rowOf(peer.peerId)).toMatchObject({
    lastHeardAt: START,
    lastHeardByThemAt: START,
    clockOffsetMs: 100,
    roundTripMs: 4,
    announced: 'heard',
    silentAt: at(300_000),
    stateThere: 'enrolled',
  })
})

test('every field that is written is read back as it was', async () => {
  const peer = aPeer()
  const [recorded] = await record([
    {
      kind: 'heard',
      peer,
      beat: aBeat({ epoch: 2n ** 40n, sequence: 2n ** 63n - 1n }),
      description: undefined,
    },
  ])
  await record([{ kind: 'failed', peer, beat: aFailure() }])
  expect(await rowOf(peer.peerId)).toEqual({
    ...recorded!.freshness,
    sentNonces: expect.any(Buffer),
    nextBeatAt: at(60),
    consecutiveFailures: 1,
    lastError: 'PEER_UNREACHABLE: nobody answers',
    lastErrorAt: at(10),
  })
})

test('what one peer answers cannot cost the others of its batch: characters Postgres refuses, years that no date holds', async () => {
  const [hostile, mute, honest] = [aPeer(), aPeer(), aPeer()]
  const nowhere = new Date(Number.NaN)
  await record([
    { kind: 'answered', peer: hostile, beat: anAnswer({ stateThere: 'act\0ive', theirReceivedAt: nowhere }) },
    { kind: 'failed', peer: mute, beat: aFailure({ error: 'PEER_REFUSED: n\0\x1b[2Jo' }) },
    { kind: 'answered', peer: honest, beat: anAnswer() },
  ])
  expect(await rowOf(hostile.peerId)).toMatchObject({ stateThere: 'act ive', clockOffsetMs: null, roundTripMs: null })
  expect(await rowOf(mute.peerId)).toMatchObject({ lastError: 'PEER_REFUSED: n [2Jo' })
  expect(await rowOf(honest.peerId)).toMatchObject({ stateThere: 'enrolled' })
})

test('many beats of many peers are one batch, taken in the order they were said', async () => {
  const peers = [...Array(50)].map(() => aPeer({ state: 'active' }))
  const said = [1n, 2n, 2n, 3n].flatMap((sequence) =>
    peers.map((peer): Said => ({ kind: 'heard', peer, beat: aBeat({ sequence }), description: undefined })),
  )
  const outcomes = (await record(said)).map(({ outcome }) => outcome)
  expect(outcomes).toEqual([...Array(100).fill('heard'), ...Array(50).fill('replayed'), ...Array(50).fill('heard')])
  expect((await rowOf(peers[49]!.peerId))?.sequence).toBe(3n)
})

test('twenty writers that are first with the same new peers lose no beat', async () => {
  const peers = [...Array(20)].map(() => aPeer())
  await Promise.all(
    [...Array(20)].map((_, writer) =>
      record(
        peers.map((peer): Said => {
          const beat = aBeat({ sequence: BigInt(writer + 1), receivedAt: at(writer) })
          return { kind: 'heard', peer, beat, description: undefined }
        }),
      ),
    ),
  )
  for (const { peerId } of peers) {
    expect(await rowOf(peerId)).toMatchObject({ sequence: 20n, lastHeardAt: at(19) })
  }
})

test('a beat that echoes ours proves they heard us, though our own call never came back', async () => {
  const peer = aPeer()
  const lost = aFailure({ sentAt: at(-30) })
  await record([{ kind: 'failed', peer, beat: lost }])
  await record([{ kind: 'heard', peer, beat: aBeat({ echoNonce: lost.nonce }), description: undefined }])
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard'])
  expect((await rowOf(peer.peerId))?.lastHeardByThemAt).toEqual(at(-30))
})

test('a replayed beat neither wakes a silent peer nor keeps a living one alive', async () => {
  const peer = aPeer({ state: 'active' })
  const beat = aBeat()
  const heard = { kind: 'heard', peer, beat, description: undefined } as const
  await record([heard, { kind: 'answered', peer, beat: anAnswer() }])
  const [again] = await record([{ ...heard, beat: { ...beat, receivedAt: at(200_000) } }], at(200_000))
  expect(again?.outcome).toBe('replayed')
  expect(await rowOf(peer.peerId)).toMatchObject({ lastHeardAt: START, silentAt: at(300_000) })
})

test('a restored platform is news of high severity, told once, and its answer says which epoch to exceed', async () => {
  const peer = aPeer()
  const restored = aBeat({ epoch: 3n, incarnation: Buffer.alloc(16, 'r') })
  await record([{ kind: 'heard', peer, beat: aBeat({ epoch: 5n, sequence: 8n }), description: undefined }])
  const [answer] = await record([
    { kind: 'heard', peer, beat: restored, description: undefined },
    {
      kind: 'heard',
      peer,
      beat: { ...restored, ...aBeat({ ...restored, sequence: 2n }), nonce: Buffer.alloc(16, 1) },
      description: undefined,
    },
  ])
  expect(answer?.freshness.rememberedEpoch).toBe(5n)
  const news = (await announced(database.db)).filter(({ peerId }) => peerId === peer.peerId)
  expect(news).toMatchObject([
    {
      subject: `fed.liveness.restored.${peer.peerId}`,
      kind: 'federation.peer.restored',
      severity: 'HIGH',
      actor: `peer/${peer.peerId}`,
      payload: { previousEpoch: 5n, previousSequence: 8n, freshness: { epoch: 3n } },
    },
  ])
})

test('a peer that shows less than it once did is news, though its epoch has grown, and whoever of us hears it', async () => {
  const peer = aPeer()
  const hear = async (sequence: bigint, bookmark: Bookmark | null, more: Partial<Beat> = {}) => {
    const beat = aBeat({ sequence, bookmark, ...more })
    const [recorded] = await record([{ kind: 'heard', peer, beat, description: undefined }])
    return recorded!
  }
  const first = (await hear(1n, NO_BOOKMARK)).freshness.givenBookmark
  const second = (await hear(2n, first)).freshness.givenBookmark
  expect((await hear(3n, second)).outcome).toBe('heard')
  const later = { epoch: 9n, incarnation: Buffer.alloc(16, 'r') }
  expect((await hear(1n, null, later)).outcome).toBe('heard')
  expect((await hear(2n, first, later)).outcome).toBe('restored')
  expect((await hear(3n, first, later)).outcome).toBe('heard')
  const news = (await announced(database.db)).filter(({ peerId }) => peerId === peer.peerId)
  expect(news).toMatchObject([{ kind: 'federation.peer.restored', payload: { previousEpoch: 9n } }])
})

test('a bookmark that is given is kept; an answer that brings an older one, or none, takes nothing back', async () => {
  const peer = aPeer()
  const given = bookmark(7n, Buffer.alloc(16, 7))
  for (const one of [given, bookmark(6n, Buffer.alloc(16, 6)), NO_BOOKMARK])
    await record([{ kind: 'answered', peer, beat: anAnswer({ bookmark: one }) }])
  expect((await rowOf(peer.peerId))?.heldBookmark).toEqual(given)
})

test('a description and a newer trust bundle are passed on, once', async () => {
  const peer = aPeer({ trustBundleSequence: 4n })
  const description = create(PlatformDescriptionSchema, { name: 'b', platformId: 'x' })
  const says = { describes: true, descriptionSha256: Buffer.alloc(32, 1), trustBundleSequence: 5n }
  await record([
    { kind: 'heard', peer, beat: aBeat(says), description },
    { kind: 'heard', peer, beat: aBeat({ ...says, sequence: 2n }), description },
    { kind: 'answered', peer, beat: anAnswer({ trustBundleSequence: 5n }) },
  ])
  const news = (await announced(database.db)).filter(({ peerId }) => peerId === peer.peerId)
  expect(news).toMatchObject([
    { word: 'described', payload: { platform: { name: 'b' } } },
    { word: 'bundle_outdated', payload: { trustBundleSequence: 5n } },
    { word: 'heard' },
  ])
})

test('a peer that peer-registry has not named yet is recorded and not announced', async () => {
  const peer = aPeer({ state: 'unknown', trustBundleSequence: 0n })
  await record([
    { kind: 'heard', peer, beat: aBeat({ trustBundleSequence: 9n }), description: undefined },
    { kind: 'answered', peer, beat: anAnswer() },
  ])
  expect(await newsOf(database.db, peer.peerId)).toEqual([])
  expect(await rowOf(peer.peerId)).toMatchObject({ lastHeardAt: START, announced: 'unknown' })
})

test('nothing is recorded when the news cannot be', async () => {
  const peer = aPeer()
  const said: Said[] = [
    { kind: 'heard', peer, beat: aBeat(), description: undefined },
    { kind: 'answered', peer, beat: anAnswer() },
  ]
  const crash = inTransaction(database.db, async (tx) => {
    await recordBeats(tx, START, said)
    await sql`select 1 / 0`.execute(tx)
  })
  await expect(crash).rejects.toThrow('division by zero')
  expect(await rowOf(peer.peerId)).toBeUndefined()
  expect(await newsOf(database.db, peer.peerId)).toEqual([])
})
