import { createPrivateKey } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { inTransaction, newId, type Db } from '@powernode/postgres'
import { formatCheckpoint, rootAt, signNote } from '@powernode/tlog'
import { ledgerKeys } from '../../ledger-keys.ts'
import type { NewEntry } from '../../new-entry.ts'
import { appendEntries } from '../../operations/append/append-entries.ts'
import { keepCheckpoints } from '../../operations/sign/keep-checkpoints.ts'
import * as entries from '../../store/entries.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx, Tables } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

export const TRUST_DOMAIN = 'a.test'
export const PEER = '019f0000-0000-7000-8000-00000000beef'
export const ORIGIN = `${TRUST_DOMAIN}/peers/${PEER}`

/** Keys that are the same in every process of a test. */
export const KEYS = ledgerKeys({ log: keyOf(1), witness: keyOf(2) }, TRUST_DOMAIN)

function keyOf(n: number) {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, n)])
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

/** Writes `count` more calls into the log of a peer, and signs it. Returns its size. */
// oxlint-disable-next-line max-params -- where, how many, and what a test wants otherwise
export async function grow(db: Db<Tables>, count: number, log = PEER, resource = 'skill/summarise'): Promise<number> {
  for (let left = count; left > 0; left -= 1_000)
    await inTransaction(db, async (tx) => {
      await logs.claim(tx, TRUST_DOMAIN, systemClock.now())
      const items = Array.from({ length: Math.min(left, 1_000) }, () => callTo(log, resource))
      await appendEntries(tx, systemClock.now(), items)
    })
  return inTransaction(db, (tx) => sign(tx, log))
}

/** Signs what is written in a log by now. */
export async function sign(tx: LedgerTx, name = PEER): Promise<number> {
  const log = await logs.find(tx, name)
  if (!log) throw new Error(`no log ${name}`)
  const size = await entries.size(tx, log.id)
  const root = await rootAt(tileReader(tx, log.id), size)
  const note = signNote(formatCheckpoint({ origin: log.origin, size, root }), [KEYS.signerOf(log.origin)])
  await keepCheckpoints(tx, systemClock.now(), [{ logId: log.id, size, root, note, signedAt: systemClock.now() }])
  return size
}

const callTo = (log: string, resource: string): NewEntry => ({
  id: newId(systemClock.now()),
  log,
  action: 'federation.call.allowed',
  at: systemClock.now(),
  actor: 'service/federation-gateway',
  direction: 'out',
  decisionId: newId(systemClock.now()),
  resource,
  payload: Buffer.from('{"outcome":"allowed"}'),
  disclosed: false,
})
