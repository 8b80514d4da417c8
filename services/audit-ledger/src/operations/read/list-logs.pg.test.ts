import { generateKeyPairSync } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { witnessNameOf } from '@powernode/ledger'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { cosigner, parsePolicy, parseVkey } from '@powernode/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { grow, PEER } from '../../files/testing/grow.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx, Tables } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import { testLedger } from '../../testing.ts'
import { TestPeer } from '../../witness/testing.ts'
import { listLogs } from './list-logs.ts'
import { countWithoutQuorum } from './quorum-of.ts'

let ledger: TestDatabase<Tables>
beforeEach(async () => void (ledger = await testLedger()))
afterEach(() => ledger.drop())

const peer = new TestPeer()
const keyOf = (name: string) => parseVkey(cosigner(name, generateKeyPairSync('ed25519').privateKey, 0).vkey)
const [a, b, c] = [keyOf('a.example'), keyOf('b.example'), keyOf('c.example')] as const
const WITNESSES = `witness a ${a.vkey}\nwitness b ${b.vkey}\nwitness c ${c.vkey}\n`
const TWO = parsePolicy(`${WITNESSES}group g 2 a b c\nquorum g\n`)
const act = <T>(verb: (tx: LedgerTx, now: Date) => Promise<T>) =>
  inTransaction(ledger.db, (tx) => verb(tx, systemClock.now()))

const cosign = (size: number, { name, keyId }: { name: string; keyId: Uint8Array }) =>
  act(async (tx, at) => {
    const log = await logs.find(tx, PEER)
    await cosignatures.add(tx, { logId: log!.id, size, name, keyId, line: `— ${name} AAAA`, at })
  })

const status = async (policy = TWO) =>
  (await act((tx, now) => listLogs(tx, now, { log: PEER, after: '', limit: 1, policy })))[0]

test('the quorum stands at the newest checkpoint that so many witnesses have cosigned, whoever else has', async () => {
  for (const size of [3, 6, 9]) expect(await grow(ledger.db, 3)).toBe(size)
  expect(await status()).toMatchObject({ quorum: 0 })
  for (const [size, witness] of [[3, a], [3, c], [6, b], [9, c], [9, { ...a, keyId: b.keyId }]] as const) await cosign(size, witness) // prettier-ignore
  expect(await status()).toMatchObject({ quorum: 3 })
  await cosign(6, c)
  expect(await status()).toMatchObject({ quorum: 6 })
  expect(await status(parsePolicy('quorum none\n'))).toMatchObject({ quorum: 9 })
})

test('cosigned is what the peer itself has cosigned, and no other witness', async () => {
  await grow(ledger.db, 3)
  await cosign(3, a)
  expect((await status())?.cosigned).toBeUndefined()
  const { peerId, trustDomain, origin } = peer
  const [logPublicKey, witnessPublicKey] = [peer.log.publicKey, peer.witness.publicKey]
  const keys = { peerId, sequence: 1, trustDomain, origin, logPublicKey, witnessPublicKey, statement: peer.statement() }
  await act((tx, now) => witnessedKeys.add(tx, keys, now))
  expect((await status())?.cosigned).toBeUndefined()
  await cosign(3, keyOf(witnessNameOf(trustDomain)))
  expect((await status())?.cosigned).toMatchObject({ size: 3, name: 'b.test/witness' })
})

test('logs that wait for a quorum are counted once they have waited, also while newer checkpoints come', async () => {
  await grow(ledger.db, 3)
  const past = systemClock.now()
  await grow(ledger.db, 3, 'platform')
  const count = (before: Date) => act((tx, now) => countWithoutQuorum(tx, now, { policy: TWO, before }))
  expect(await count(past)).toBe(1)
  await cosign(3, a)
  await cosign(3, b)
  await grow(ledger.db, 3)
  expect(await count(past)).toBe(0)
  expect(await count(systemClock.now())).toBe(2)
})
