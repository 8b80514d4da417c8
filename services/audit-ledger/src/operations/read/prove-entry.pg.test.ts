import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { checkProof, formatCheckpoint, rootAt, signNote } from '@powernode/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keyFrom, ledgerKeys, newKey } from '../../ledger-keys.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx, Tables } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import { call, NOW, PEER, testLedger, TRUST_DOMAIN } from '../../testing.ts'
import { TileCache } from '../../tile-cache.ts'
import { appendEntries } from '../append/append-entries.ts'
import { keepCheckpoints } from '../sign/keep-checkpoints.ts'
import { provePlace } from './prove-entry.ts'

const fresh = () => keyFrom(newKey().pkcs8)
const KEYS = ledgerKeys({ log: fresh(), witness: fresh() }, TRUST_DOMAIN)
const SIZE = 700

let ledger: TestDatabase<Tables>
let origin: string
beforeEach(async () => {
  ledger = await testLedger()
  const items = Array.from({ length: SIZE }, (_, n) => call(n))
  await act((tx) => appendEntries(tx, NOW, items))
  origin = await act(async (tx) => {
    const log = (await logs.find(tx, PEER))!
    const root = await rootAt(tileReader(tx, log.id), SIZE)
    const note = signNote(formatCheckpoint({ origin: log.origin, size: SIZE, root }), [KEYS.signerOf(log.origin)])
    await keepCheckpoints(tx, NOW, [{ logId: log.id, size: SIZE, root, note, signedAt: NOW }])
    return log.origin
  })
})
afterEach(() => ledger.drop())
const act = <T>(verb: (tx: LedgerTx) => Promise<T>) => inTransaction(ledger.db, verb)

async function indexProven(sequence: number, tiles: TileCache): Promise<number> {
  const proven = await provePlace(ledger.db, NOW, { place: { log: PEER, sequence }, tiles })
  return checkProof(proven!.proof, proven!.leaf, [KEYS.verifierOf(origin)]).index
}

test('every entry is proven without a transaction, from tiles that were read once', async () => {
  const tiles = new TileCache(1_000_000)
  for (const sequence of [0, 255, 256, 511, 512, 699, 0, 699]) expect(await indexProven(sequence, tiles)).toBe(sequence)
  const read = tiles.bytes
  expect(await indexProven(300, tiles)).toBe(300)
  expect(tiles.bytes).toBe(read)
})

test('what is in memory of a database that was there before is not believed', async () => {
  const tiles = new TileCache(1_000_000)
  const { id } = await act(async (tx) => (await logs.find(tx, PEER))!)
  const before = tiles.before(async (asked) => asked.map(({ width }) => Buffer.alloc(width * 32, 1)), id)
  await before([
    { level: 0, position: 0, width: 256 },
    { level: 1, position: 0, width: 2 },
  ])
  expect(await indexProven(7, tiles)).toBe(7)
})

test('of a place without an entry there is nothing', async () => {
  expect(await provePlace(ledger.db, NOW, { place: { log: PEER, sequence: SIZE } })).toBeUndefined()
})
