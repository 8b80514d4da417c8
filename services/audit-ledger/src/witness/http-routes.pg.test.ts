import { hash } from 'node:crypto'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { formatAddCheckpoint, openNote, parseVkey } from '@powernode/tlog'
import { FakeClock } from '@powernode/clock/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HttpAnswer } from '../http/route.ts'
import { adoptKeys } from '../operations/witness/adopt-keys.ts'
import { listAlarms } from '../operations/alarms/list-alarms.ts'
import { PeerTurns } from '../rpc/peer-turns.ts'
import type { Tables } from '../store/tables.ts'
import { NOW, testLedger, TRUST_DOMAIN } from '../testing.ts'
import { testKeys } from '../testing/mirrors.ts'
import { witnessRoutes } from './http-routes.ts'
import { newSigningKey, TestPeer } from './testing.ts'

const KEYS = testKeys(TRUST_DOMAIN)
let ledger: TestDatabase<Tables>
let peer: TestPeer
let clock: FakeClock

beforeEach(async () => {
  ledger = await testLedger()
  clock = new FakeClock(NOW)
  peer = new TestPeer()
  await inTransaction(ledger.db, (tx) =>
    adoptKeys(tx, NOW, { peer: peer.known, ourDomain: TRUST_DOMAIN, statement: peer.statement() }),
  )
})
afterEach(() => ledger.drop())

const signal = new AbortController().signal
const routes = () => witnessRoutes({ db: ledger.db, clock, keys: KEYS, turns: new PeerTurns() })
const post = (body: string | Buffer): Promise<HttpAnswer> =>
  routes()[0]!.answer({ rest: '', body: Buffer.from(body), signal })
const get = (rest: string): Promise<HttpAnswer> => routes()[1]!.answer({ rest, body: Buffer.alloc(0), signal })

async function submit(
  oldSize: number,
  said: { note?: string; proof?: readonly Uint8Array[] } = {},
): Promise<HttpAnswer> {
  const { note: checkpoint = await peer.note(), proof = await peer.proof(oldSize) } = said
  return post(formatAddCheckpoint({ oldSize, proof, checkpoint }))
}
const digest = () => hash('sha256', peer.origin)

test('200: signature lines of our witness, which verify under the checkpoint', async () => {
  peer.grow(3)
  const answer = await submit(0)
  expect(answer.status).toBe(200)
  expect(answer.body).toMatch(/^(— a\.test\/witness [A-Za-z0-9+/=]+\n)+$/)
  const { verified } = openNote((await peer.note()) + String(answer.body), [parseVkey(KEYS.vkeys.witness)])
  expect(verified[0]?.atMs).toBe(NOW.getTime())
  peer.grow(500)
  expect((await submit(3)).status).toBe(200)
  expect((await submit(503)).status).toBe(200)
})

test('409 with the size that was cosigned last, in decimal and alone on its line', async () => {
  peer.grow(3)
  await submit(0)
  const answer = await (peer.grow(2), submit(0))
  expect(answer).toMatchObject({ status: 409, headers: { 'content-type': 'text/x.tlog.size' }, body: '3\n' })
})

test('400: what cannot be read, and an old size above the checkpoint', async () => {
  peer.grow(3)
  expect((await submit(4)).status).toBe(400)
  expect((await submit(0, { note: (await peer.note()).replace('\n3\n', '\n03\n') })).status).toBe(400)
  expect((await submit(0, { note: (await peer.note()).replaceAll('\n', '\r\n') })).status).toBeGreaterThanOrEqual(400)
  const good = formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: await peer.note() })
  for (const body of ['', 'nonsense', good.replace('old 0', 'old 00'), good.replace('old 0', 'old -1'), good.slice(1)])
    expect((await post(body)).status, body.slice(0, 20)).toBe(400)
  const tooMany = Array.from({ length: 64 }, () => Buffer.alloc(32))
  expect((await submit(0, { proof: tooMany })).status).toBe(400)
  expect((await post(Buffer.from([0xff, 0xfe, 0x0a, 0x0a]))).status).toBe(400)
})

test('403: signed by nobody who is trusted for the log, or not by whom it says', async () => {
  peer.grow(3)
  const note = await peer.note()
  expect((await submit(0, { note: await peer.note(3, newSigningKey().key) })).status).toBe(403)
  expect((await submit(0, { note: note.replace('\n3\n', '\n4\n') })).status).toBe(403)
})

test('404: a log that is not known here', async () => {
  const other = new TestPeer({ trustDomain: 'c.test' }).grow(1)
  expect((await submit(0, { note: await other.note() })).status).toBe(404)
})

test('422: a proof that does not lead there, one from size 0, another root of the same size, an empty log with a root', async () => {
  peer.grow(3)
  expect((await submit(0, { proof: [Buffer.alloc(32)] })).status).toBe(422)
  await submit(0)
  peer.grow(3)
  expect((await submit(3, { proof: [Buffer.alloc(32)] })).status).toBe(422)
  const alarms = () => inTransaction(ledger.db, (tx) => listAlarms(tx, NOW, { peerId: '', openOnly: true }))
  expect(await alarms()).toEqual([])
  peer.cutTo(3).rewrite(1)
  expect((await submit(3)).status).toBe(422)
  expect((await alarms()).map(({ kind }) => kind)).toEqual(['fork'])
  expect(await submit(0)).toMatchObject({ status: 409, body: '3\n' })
})

test('what was cosigned last is shown by the SHA-256 of the origin, with the very cosignature that was given', async () => {
  expect((await get(`${digest()}/checkpoint`)).status).toBe(404)
  peer.grow(3)
  const given = String((await submit(0)).body)
  await clock.advance(60_000)
  expect(await get(`${digest()}/checkpoint`)).toMatchObject({ status: 200, body: (await peer.note()) + given })
  for (const rest of ['', `${digest()}/`, `${digest().toUpperCase()}/checkpoint`, `${'0'.repeat(64)}/checkpoint`])
    expect((await get(rest)).status).toBe(404)
})
