import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { openDb, type Db } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { NewEntrySchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { expectRefusal, refusesEverybodyElse, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { checkConsistency, checkProof, openNote, parseCheckpoint, parseVkey } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDoor, type Door } from './append/testing.ts'
import { CALLERS } from './rpc.ts'
import type { Tables } from './store/tables.ts'
import { idOf, NOW, PEER, testLedger } from './testing.ts'

let ledger: TestDatabase<Tables>
let door: Door
let server: TestServer
beforeEach(async () => {
  ledger = await testLedger()
  door = await openDoor({ url: ledger.url, clock: systemClock })
  server = startTestServer(door.mount)
})
afterEach(async () => {
  server.stop()
  await door.stop()
  await ledger.drop()
})

const gateway = () => server.clientAs(AuditLedgerService, { kind: 'service', name: 'federation-gateway' })
const reader = () => server.clientAs(AuditLedgerService, { kind: 'operator', name: 'alice' })
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at)

const entry = (n: number, some: MessageInitShape<typeof NewEntrySchema> = {}) =>
  create(NewEntrySchema, {
    id: idOf(n),
    log: PEER,
    action: 'federation.call.allowed',
    at: timestampFromDate(new Date(NOW.getTime() + n)),
    actor: 'operator/alice',
    direction: 'in',
    payload: Buffer.from(`{"n":${n}}`),
    ...(some as object),
  })
const write = (from: number, to: number) => gateway().append({ entries: upTo(to - from).map((n) => entry(from + n)) })
/** A verifier that somebody elsewhere got from us once. */
const vkeys = async () => (await reader().getLedgerKeys({})).logs.map(({ vkey }) => parseVkey(vkey))

test('everybody may call what the table says, and nobody anything else', async () => {
  await refusesEverybodyElse(AuditLedgerService, CALLERS, server.clientAs)
})

test('an append is answered with places, and on request with receipts that hold for whoever has the key', async () => {
  await write(0, 300)
  const { places, receipts } = await gateway().append({ entries: [entry(300), entry(5)], receipts: true })
  expect(places.map(({ sequence, treeSize }) => [sequence, treeSize])).toEqual([
    [300n, 301n],
    [5n, 301n],
  ])
  for (const [at, receipt] of receipts.entries()) {
    const { entry: shown } = await reader().getEntry({ log: PEER, sequence: places[at]!.sequence })
    const proven = checkProof(receipt, shown!.leaf, await vkeys())
    expect(proven).toMatchObject({
      index: Number(places[at]!.sequence),
      checkpoint: { origin: `a.test/peers/${PEER}` },
    })
    expect(() => checkProof(receipt, Buffer.from('another leaf'), [])).toThrow(/./)
  }
})

test('a stream answers each message when all of it is durable, in the order of the messages', async () => {
  async function* messages() {
    for (const number of [7n, 8n]) yield { number, entries: upTo(3).map((n) => entry(Number(number) * 10 + n)) }
  }
  const answers = []
  for await (const { number, places } of gateway().appendStream(messages())) {
    answers.push([number, places.map(({ sequence }) => Number(sequence))])
    const { size } = await reader().listEntries({ log: PEER })
    expect(size).toBeGreaterThanOrEqual(BigInt(answers.length * 3))
  }
  expect(answers).toEqual([
    [7n, [0, 1, 2]],
    [8n, [3, 4, 5]],
  ])
})

test.each([
  ['of no log', { log: 'mine' }, 'REQUEST_INVALID'],
  ['with a payload that is no object', { payload: Buffer.from('[]') }, 'REQUEST_INVALID'],
  ['with a payload that is no UTF-8', { payload: Buffer.from([0x7b, 0xff, 0x7d]) }, 'REQUEST_INVALID'],
  ['with a payload that Postgres cannot hold', { payload: Buffer.from('{"a":"\0"}') }, 'REQUEST_INVALID'],
  ['in no direction', { direction: 'up' }, 'REQUEST_INVALID'],
  ['that is too large', { resource: 'r'.repeat(66_000) }, 'ENTRY_TOO_LARGE'],
  ['of an id that says something else', { id: idOf(0) }, 'ENTRY_CONFLICT'],
] as const)('an entry %s is refused, to the one who says it alone', async (_, some, reason) => {
  await write(0, 1)
  await expectRefusal(gateway().append({ entries: [entry(1, some)] }), reason)
  expect((await write(2, 3)).places[0]?.sequence).toBe(1n)
})

test("an entry shows what its leaf says, no person's name, and what peers write spoils nothing", async () => {
  await gateway().append({ entries: [entry(1, { resource: 'a\0b', remoteId: 'none', contentId: 'c-1' })] })
  const { entry: shown, log } = await reader().getEntry({ id: idOf(1) })
  expect(log).toBe(PEER)
  expect(shown).toMatchObject({
    sequence: 0n,
    actor: 'operator',
    resource: 'a\u{fffd}b',
    contentId: 'c-1',
    direction: 'in',
  })
  expect(Buffer.from(shown!.payload).toString()).toBe('{"n":1}')
  expect(Buffer.from(shown!.leaf).toString()).not.toContain('alice')
  await expectRefusal(reader().getEntry({ id: idOf(9) }), 'ENTRY_NOT_FOUND')
  await expectRefusal(reader().getEntry({ log: PEER, sequence: 9n }), 'ENTRY_NOT_FOUND')
})

test('entries are listed in pages from either end, and a page of the past never changes', async () => {
  await write(0, 10)
  const page = async (asked: Parameters<ReturnType<typeof reader>['listEntries']>[0]) => {
    const { entries, nextStart, size } = await reader().listEntries({ log: PEER, ...asked })
    return [entries.map(({ sequence }) => Number(sequence)), Number(nextStart), Number(size)]
  }
  expect(await page({ limit: 4 })).toEqual([[0, 1, 2, 3], 4, 10])
  expect(await page({ start: 8n, limit: 4 })).toEqual([[8, 9], 0, 10])
  expect(await page({ limit: 4, newestFirst: true })).toEqual([[9, 8, 7, 6], 5, 10])
  expect(await page({ start: 5n, limit: 9, newestFirst: true })).toEqual([[5, 4, 3, 2, 1, 0], 0, 10])
  await write(10, 12)
  expect(await page({ limit: 4 })).toEqual([[0, 1, 2, 3], 4, 12])
  expect(await page({ actionPrefix: 'federation.peer' })).toEqual([[], 0, 12])
  expect(await reader().listEntries({ log: 'platform' })).toMatchObject({ entries: [], size: 0n })
})

test('a place that nobody counts to is the mistake of whoever asks, not a fault of ours', async () => {
  await write(0, 3)
  const { listEntries, getEntry, proveEntry, proveConsistency, getCheckpoint } = reader()
  for (const far of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])
    for (const ask of [
      () => listEntries({ log: PEER, start: far }),
      () => getEntry({ log: PEER, sequence: far }),
      () => proveEntry({ log: PEER, sequence: far }),
      () => proveConsistency({ log: PEER, oldSize: far, size: far }),
      () => getCheckpoint({ log: PEER, size: far }),
    ])
      await expectRefusal(ask(), 'REQUEST_INVALID')
  await expectRefusal(getEntry({ log: PEER, sequence: 2n ** 53n - 1n }), 'ENTRY_NOT_FOUND')
})

test('a page of large entries is cut, and the next begins where it ended', async () => {
  const payload = Buffer.from(JSON.stringify({ text: 'x'.repeat(60_000) }))
  for (const n of upTo(40)) await gateway().append({ entries: [entry(n, { payload })] })
  const seen: number[] = []
  let pages = 0
  for (let start = 0n, first = true; first || start > 0n; first = false, pages++) {
    const { entries, nextStart } = await reader().listEntries({ log: PEER, start, limit: 5_000 })
    seen.push(...entries.map(({ sequence }) => Number(sequence)))
    start = nextStart
  }
  expect(seen).toEqual(upTo(40))
  expect(pages).toBeGreaterThan(1)
})

test('checkpoints and consistency proofs hold for whoever keeps an old checkpoint', async () => {
  const sizes = [1, 255, 256, 257, 600]
  const notes: string[] = []
  for (const [at, size] of sizes.entries()) {
    const entries = upTo(size - (sizes[at - 1] ?? 0)).map((n) => entry((sizes[at - 1] ?? 0) + n))
    await gateway().append({ entries })
    await gateway().append({ entries: entries.slice(-1), receipts: true })
    notes.push((await reader().getCheckpoint({ log: PEER })).checkpoint)
  }
  const verifiers = await vkeys()
  const seen = notes.map((note) => parseCheckpoint(openNote(note, verifiers).body))
  expect(seen.map(({ size }) => size)).toEqual(sizes)
  for (const old of seen.slice(0, -1)) {
    const { proof, size, root } = await reader().proveConsistency({ log: PEER, oldSize: BigInt(old.size) })
    const claim = { oldSize: old.size, oldRoot: old.root, size: Number(size), root, proof }
    expect(checkConsistency(claim)).toBeUndefined()
    expect(Buffer.compare(root, seen.at(-1)!.root)).toBe(0)
  }
  await expectRefusal(reader().proveConsistency({ log: PEER, oldSize: 601n }), 'PROOF_OUT_OF_RANGE')
  await expectRefusal(reader().getCheckpoint({ log: PEER, size: 2n }), 'PROOF_OUT_OF_RANGE')
  await expectRefusal(reader().getCheckpoint({ log: 'platform' }), 'PROOF_OUT_OF_RANGE')
})

test('logs are listed with how far each has come', async () => {
  await write(0, 3)
  await gateway().append({ entries: [entry(9, { log: 'platform' })], receipts: true })
  const { logs, nextPageToken } = await reader().listLogs({ pageSize: 1 })
  expect(logs).toMatchObject([{ log: PEER, origin: `a.test/peers/${PEER}`, size: 3n, cosignedSize: 0n }])
  const rest = await reader().listLogs({ pageSize: 1, pageToken: nextPageToken })
  expect(rest.logs).toMatchObject([{ log: 'platform', origin: 'a.test/platform', size: 1n, signedSize: 1n }])
})

const verify = async (log = PEER) => {
  const answers = []
  for await (const answer of reader().verifyLog({ log })) answers.push(answer)
  expect(answers.slice(0, -1).every(({ done }) => !done)).toBe(true)
  return answers.at(-1)!
}

test('a log is verified from its first entry, and an empty one is intact', async () => {
  for (const from of [0, 1_000, 2_000]) await write(from, from + 1_000)
  const checkpoint = parseCheckpoint(
    openNote((await reader().getCheckpoint({ log: PEER, size: await signedSize() })).checkpoint, await vkeys()).body,
  )
  const verdict = await verify()
  expect(verdict).toMatchObject({ done: true, intact: true, checked: 3_000n, size: 3_000n })
  expect(Buffer.compare(verdict.root, checkpoint.root)).toBe(0)
  expect(await verify('platform')).toMatchObject({ done: true, intact: true, size: 0n })
})

test('a log that nobody has written to is not said to be intact', async () => {
  const log = '019f0000-0000-7000-8000-00000000dead'
  await expectRefusal(verify(log), 'LOG_NOT_FOUND')
})

async function signedSize(): Promise<bigint> {
  await gateway().append({ entries: [entry(2_999)], receipts: true })
  return 3_000n
}

/** As somebody who has the database: nothing stops a superuser. */
async function meddle(...statements: readonly string[]): Promise<void> {
  const admin: Db<Tables> = openDb({ url: ledger.ownerUrl, schema: 'audit_ledger', applicationName: 'mallory' })
  for (const table of ['entry', 'payload', 'tile', 'checkpoint']) {
    await sql.raw(`alter table ${table} disable trigger user`).execute(admin)
  }
  for (const statement of statements) await sql.raw(statement).execute(admin)
  await admin.destroy()
}
const FORGED = `convert_to(replace(convert_from(leaf, 'UTF8'), '"in"', '"out"'), 'UTF8')`

test.each([
  [
    'altered_entry',
    'an entry whose columns say something else',
    [`update entry set direction = 'out' where sequence = 3`],
  ],
  [
    'wrong_root',
    'an entry rewritten and hashed anew',
    [
      `update entry set direction = 'out', leaf = ${FORGED}, leaf_hash = sha256('\\x00'::bytea || ${FORGED}) where sequence = 299`,
    ],
  ],
  [
    'altered_tile',
    'an entry within a full tile rewritten and hashed anew',
    [
      `delete from checkpoint`,
      `update entry set direction = 'out', leaf = ${FORGED}, leaf_hash = sha256('\\x00'::bytea || ${FORGED}) where sequence = 3`,
    ],
  ],
  ['altered_payload', 'a payload rewritten', [`update payload set body = '{"n":0}' where sequence = 3`]],
  ['altered_payload', 'a payload that is gone without an erasure', [`delete from payload where sequence = 3`]],
  ['missing_entry', 'an entry that is gone', [`delete from entry where sequence = 3`]],
  ['missing_entry', 'the end of the log that is gone, and was signed', [`delete from entry where sequence > 290`]],
  ['missing_entry', 'all of the log that is gone, and was signed', [`delete from entry`, `delete from payload`]],
  [
    'altered_entry',
    'a hash that the next entries would be hashed together with',
    [
      `alter table entry drop constraint entry_leaf_hash_is_right`,
      `update entry set leaf_hash = sha256('') where sequence = 299`,
    ],
  ],
  ['altered_tile', 'the hash over a tile rewritten', [`update tile set root = sha256('')`]],
  ['missing_tile', 'a tile that is gone', [`delete from tile`]],
  [
    'altered_payload',
    'a payload erased by a row that no entry speaks of',
    [
      `insert into erasure (log_id, first, last, ran_out, at, actor, reason, recorded_at) values (1, 3, 3, false, '2026-03-01', 'operator/alice', 'asked', 4)`,
      `delete from payload where sequence = 3`,
    ],
  ],
  ['bad_signature', 'another root put under a signature', [`update checkpoint set root = sha256('') where size = 300`]],
] as const)('should somebody take the locks off, verification finds %s: %s', async (damage, _, statements) => {
  await write(0, 299)
  await gateway().append({ entries: [entry(299)], receipts: true })
  await meddle(...statements)
  expect(await verify()).toMatchObject({ done: true, intact: false, damage })
})

test('a history rewritten as a whole, hashes, tiles and signatures and all, is another than the one a witness holds', async () => {
  await gateway().append({ entries: upTo(5).map((n) => entry(n)), receipts: true })
  const { checkpoint } = await reader().getCheckpoint({ log: PEER })
  const held = parseCheckpoint(openNote(checkpoint, await vkeys()).body)
  await meddle(
    'delete from checkpoint',
    `update entry set direction = 'out', leaf = ${FORGED}, leaf_hash = sha256('\\x00'::bytea || ${FORGED})`,
  )
  // The ledger itself is content, and signs what it finds: it has the key.
  await gateway().append({ entries: [entry(5)], receipts: true })
  expect(await verify()).toMatchObject({ intact: true })
  const { proof, size, root } = await reader().proveConsistency({ log: PEER, oldSize: 5n })
  const claim = { oldSize: held.size, oldRoot: held.root, size: Number(size), root, proof }
  expect(checkConsistency(claim)).toMatch(/./)
})
