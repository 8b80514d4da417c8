import { openPruning } from '@powernode/ledger'
import { openDb, inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import {
  checkConsistency,
  checkInclusion,
  consistencyProof,
  Edge,
  formatCheckpoint,
  inclusionProof,
  leafHash,
  rootAt,
  signNote,
} from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keyFrom, ledgerKeys, newKey } from '../../ledger-keys.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import * as entries from '../../store/entries.ts'
import * as logs from '../../store/logs.ts'
import * as shipments from '../../store/mirror-shipments.ts'
import type { LedgerTx, Tables } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import { call, happening, idOf, NOW, PEER, testLedger, TRUST_DOMAIN } from '../../testing.ts'
import { appendEntries } from '../append/append-entries.ts'
import { recordHappening } from '../events/record-happening.ts'
import { findEntry } from '../read/find-entry.ts'
import { listEntries } from '../read/list-entries.ts'
import { proveEntry } from '../read/prove-entry.ts'
import { keepCheckpoints } from '../sign/keep-checkpoints.ts'
import { beginVerify, verifyStretch } from '../verify/verify-stretch.ts'
import { eraseEntries } from './erase-entries.ts'
import { pruneByAge } from './prune-by-age.ts'
import { dropPruned, pruneLog } from './prune-log.ts'

const fresh = () => keyFrom(newKey().pkcs8)
const KEYS = ledgerKeys({ log: fresh(), witness: fresh() }, TRUST_DOMAIN)

let ledger: TestDatabase<Tables>
beforeEach(async () => {
  ledger = await testLedger()
})
afterEach(() => ledger.drop())
const act = <T>(verb: (tx: LedgerTx) => Promise<T>) => inTransaction(ledger.db, verb)
const write = (from: number, to: number) =>
  act((tx) =>
    appendEntries(
      tx,
      NOW,
      Array.from({ length: to - from }, (_, n) => call(from + n)),
    ),
  )
const erase = (sequences: readonly number[], dryRun = false) =>
  act((tx) => eraseEntries(tx, NOW, { log: PEER, sequences, reason: 'asked to', actor: 'operator/alice', dryRun }))
const logOf = async (tx: LedgerTx) => (await logs.find(tx, PEER))!
const sign = () =>
  act(async (tx) => {
    const { id, origin } = await logOf(tx)
    const size = await entries.size(tx, id)
    const root = await rootAt(tileReader(tx, id), size)
    const note = signNote(formatCheckpoint({ origin, size, root }), [KEYS.signerOf(origin)])
    await keepCheckpoints(tx, NOW, [{ logId: id, size, root, note, signedAt: NOW }])
    return { size, root }
  })
const verify = () =>
  act(async (tx) => {
    const begun = (await beginVerify(tx, NOW, { log: PEER }))!
    return verifyStretch(tx, NOW, { ...begun, limit: 10_000, verifier: KEYS.verifierOf(begun.log.origin) })
  })

test('what is erased stands in the feed of events no longer either', async () => {
  const [one, other] = [happening(1, { payload: { email: 'alice@a.test' } }), happening(2)]
  for (const heard of [one, other]) await act((tx) => recordHappening(tx, NOW, heard))
  await erase([0])
  const { rows } = await sql<{ id: string }>`select id from event`.execute(ledger.db)
  expect(rows.map(({ id }) => id)).toEqual([other.id])
})

test('an erased payload is gone, its entry and every proof stay, and the log says who, when and why', async () => {
  await write(0, 300)
  const { size, root } = await sign()
  const before = await act((tx) => findEntry(tx, NOW, { log: PEER, sequence: 7 }))
  const [shown, never] = await erase([7, 9])
  expect(shown).toMatchObject({
    row: { sequence: 7, salt: null, body: null },
    erased: { actor: 'operator/alice', reason: 'asked to', at: NOW, recordedAt: 300 },
  })
  expect(never?.row.body).toBeNull()
  const after = await act((tx) => findEntry(tx, NOW, { log: PEER, sequence: 7 }))
  expect(after.row.leaf).toEqual(before.row.leaf)
  const proof = await act(async (tx) => inclusionProof(tileReader(tx, (await logOf(tx)).id), 7, size))
  expect(checkInclusion({ index: 7, size, leafHash: leafHash(after.row.leaf), proof, root })).toBeUndefined()
  expect(await verify()).toBeInstanceOf(Edge)

  const { entries: all } = await act((tx) =>
    listEntries(tx, NOW, { log: PEER, start: 300, limit: 5, actionPrefix: '', newestFirst: false }),
  )
  expect(all.map(({ row }) => [row.action, JSON.parse(row.body ?? '')])).toEqual([
    ['federation.audit.erased', { actor: 'operator/alice', log: PEER, reason: 'asked to', sequences: ['7', '9'] }],
  ])
  const { rows } = await sql<{ subject: string; id: string }>`select subject, id from outbox`.execute(ledger.db)
  expect(rows).toEqual([{ subject: `fed.audit.erased.${PEER}`, id: all[0]?.row.id }])
})

test('erasing again changes nothing, a dry run neither, and what is not there is named', async () => {
  await write(0, 3)
  expect((await erase([1], true))[0]?.row.body).toBe('{"n":1}')
  await erase([1])
  await erase([1])
  const size = await act(async (tx) => entries.size(tx, (await logOf(tx)).id))
  expect(size).toBe(4)
  await expect(erase([1, 99])).rejects.toMatchObject({ reason: 'ENTRY_NOT_FOUND' })
})

test('a payload that was erased is told again without being written again', async () => {
  await write(0, 3)
  await erase([1])
  expect(await write(1, 2)).toEqual([{ sequence: 1, treeSize: 4 }])
  expect((await act((tx) => findEntry(tx, NOW, { id: idOf(1) }))).row.body).toBeNull()
})

test('nobody erases in silence: without its entry the payload stays', async () => {
  await write(0, 3)
  const dying = act(async (tx) => {
    await eraseEntries(tx, NOW, { log: PEER, sequences: [1], reason: 'x', actor: 'operator/alice', dryRun: false })
    throw new Error('the process dies here')
  })
  await expect(dying).rejects.toThrow(/dies here/)
  expect((await act((tx) => findEntry(tx, NOW, { log: PEER, sequence: 1 }))).row.body).toBe('{"n":1}')
})

const prune = (below: number, dryRun = false) =>
  act((tx) =>
    pruneLog(tx, NOW, { log: PEER, below, reason: 'old', actor: 'operator/alice', dryRun, signerOf: KEYS.signerOf }),
  )
/** The peer has cosigned a size of the log, and holds so much of it. */
async function witnessed(size: number, mirrored = size): Promise<void> {
  await act(async (tx) => {
    const { id } = await logOf(tx)
    const seen = {
      name: 'b.test/witness',
      keyId: Buffer.alloc(4),
      line: `— b.test/witness ${Buffer.alloc(76).toString('base64')}`,
      at: NOW,
    }
    await cosignatures.add(tx, { logId: id, size, ...seen })
  })
  await mirror(mirrored)
}
async function mirror(size: number): Promise<void> {
  const { id: logId } = await act(logOf)
  await act((tx) => shipments.arrived(tx, NOW, { logId, size }))
}

test('of a log that nobody has written to nothing is pruned, and it is said', async () => {
  await expect(prune(256)).rejects.toMatchObject({ reason: 'LOG_NOT_FOUND' })
})

test('only what the peer has cosigned and holds itself is pruned, in whole segments', async () => {
  await write(0, 600)
  await expect(prune(256)).rejects.toMatchObject({ reason: 'PRUNE_NOT_COSIGNED' })
  const { size } = await sign()
  await witnessed(size, 300)
  await expect(prune(512)).rejects.toMatchObject({ reason: 'PRUNE_NOT_COSIGNED', metadata: { size: '300' } })
  expect(await prune(300, true)).toEqual({ prunedBelow: 256, entries: 256, statement: '' })
  await mirror(600)

  const { statement, ...pruned } = await prune(600)
  expect(pruned).toEqual({ prunedBelow: 512, entries: 512 })
  const { origin } = await act(logOf)
  expect(openPruning(statement, [KEYS.verifierOf(origin)])).toMatchObject({
    origin,
    below: 512,
    size: 600,
    reason: 'old',
  })
  expect(await prune(512)).toEqual({ prunedBelow: 512, entries: 0, statement: '' })
})

test('pruned entries go in batches, the hashes stay, and everything above is appended to, proven and verified as before', async () => {
  await write(0, 600)
  const { size } = await sign()
  await witnessed(size)
  await prune(512)
  const left: number[] = []
  for (let more = true; more;) {
    more = await act((tx) => dropPruned(tx, NOW, { limit: 200 }))
    const { rows } = await sql<{ n: number }>`select count(*) as n from entry`.execute(ledger.db)
    left.push(rows[0]?.n ?? 0)
  }
  expect(left).toEqual([401, 201, 89, 89])
  await expect(act((tx) => findEntry(tx, NOW, { log: PEER, sequence: 3 }))).rejects.toMatchObject({
    reason: 'ENTRY_PRUNED',
  })
  await write(1_000, 1_300)
  expect((await sign()).size).toBe(901)
  expect(await verify()).toBeInstanceOf(Edge)
  expect((await act((tx) => proveEntry(tx, NOW, { place: { log: PEER, sequence: 550 } }))).proof).toMatch(/index 550/)
})

test('what was signed below a pruning goes with the entries; its roots do not, and nothing is signed there a second time', async () => {
  const signed: { size: number; root: Uint8Array }[] = []
  for (const [from, to] of [
    [0, 100],
    [100, 256],
    [256, 600],
  ] as const) {
    await write(from, to)
    signed.push(await sign())
    await witnessed(to)
  }
  await prune(512)
  const { id, origin } = await act(logOf)
  for (let more = true; more;) more = await act((tx) => dropPruned(tx, NOW, { limit: 300 }))
  const kept = await sql<{ size: number }>`
    select size from checkpoint union all select size from cosignature`.execute(ledger.db)
  expect(kept.rows.map(({ size }) => size)).toEqual([600, 600])

  const [first, , last] = signed as [(typeof signed)[0], (typeof signed)[0], (typeof signed)[0]] // three
  const proof = await act((tx) => consistencyProof(tileReader(tx, id), first.size, last.size))
  const step = { oldSize: first.size, oldRoot: first.root, size: last.size, root: last.root, proof }
  expect(checkConsistency(step)).toBeUndefined()
  expect(await verify()).toBeInstanceOf(Edge)

  const again = { logId: id, size: 256, root: Buffer.alloc(32, 7), note: origin, signedAt: NOW }
  expect(await act((tx) => keepCheckpoints(tx, NOW, [again]))).toEqual({ altered: [] })
  expect(await act((tx) => checkpoints.ofSize(tx, id, 256))).toBeUndefined()
})

test('the service role cannot drop more than was pruned, whatever it asks for', async () => {
  await write(0, 600)
  await witnessed((await sign()).size)
  await prune(256)
  const service = openDb<Tables>({ url: ledger.url, schema: 'audit_ledger', applicationName: 'test' })
  await sql`select drop_pruned(1, 10000)`.execute(service)
  const { rows } = await sql<{ n: number }>`select min(sequence) as n from entry`.execute(service)
  expect(rows[0]?.n).toBe(256)
  await service.destroy()
})

test('where a retention is configured, what was signed longer ago is pruned as far as others hold it, and nothing else', async () => {
  await write(0, 600)
  await witnessed((await sign()).size, 400)
  await write(600, 900)
  const DAY_MS = 86_400_000
  const prune = async (days: number) => {
    const asked = { after: '', keptMs: 30 * DAY_MS, signerOf: KEYS.signerOf }
    const at = new Date(NOW.getTime() + days * DAY_MS)
    const first = await act((tx) => pruneByAge(tx, at, asked))
    expect(await act((tx) => pruneByAge(tx, at, { ...asked, after: first?.log ?? '' }))).toBeUndefined()
    return first?.entries
  }
  expect(await prune(29)).toBe(0)
  expect(await prune(31)).toBe(256) // the peer holds no second segment yet
  expect(await prune(31)).toBe(0)
  await mirror(600)
  expect(await prune(31)).toBe(256)
  const { rows } = await sql<{ reason: string }>`
    select body::json ->> 'reason' as reason from payload join entry using (log_id, sequence)
    where action = 'federation.audit.pruned'`.execute(ledger.db)
  expect(rows).toEqual([{ reason: 'kept for 30 days' }, { reason: 'kept for 30 days' }])
})
