import { until } from '@powernode/events/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { logSigner, signNote } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PeerKeys } from '../../peer-keys.ts'
import type { LedgerTx, Tables } from '../../store/tables.ts'
import { NOW, testLedger, TRUST_DOMAIN } from '../../testing.ts'
import { newSigningKey, PEER_ID, TestPeer } from '../../witness/testing.ts'
import { listAlarms } from '../alarms/list-alarms.ts'
import { settleAlarm } from '../alarms/settle-alarm.ts'
import { adoptKeys } from './adopt-keys.ts'
import { RECOVERY_MS } from './note-regression.ts'
import { observeHead } from './observe-head.ts'
import { witnessCheckpoint, type WitnessOutcome } from './witness-checkpoint.ts'

let ledger: TestDatabase<Tables>
let peer: TestPeer
let keys: PeerKeys
let now: Date

beforeEach(async () => {
  ledger = await testLedger()
  now = NOW
  peer = new TestPeer()
  keys = await adopt()
})
afterEach(() => ledger.drop())

const act = <T>(verb: (tx: LedgerTx) => Promise<T>) => inTransaction(ledger.db, verb)
const adopt = (said: Record<string, unknown> = {}, by = peer) =>
  act((tx) => adoptKeys(tx, now, { peer: by.known, ourDomain: TRUST_DOMAIN, statement: by.statement(said) }))

type Shown = { oldSize?: number; note?: string; proof?: readonly Uint8Array[]; byPeer?: boolean }
const submit = (said: Shown & { note: string }): Promise<WitnessOutcome> =>
  act((tx) => witnessCheckpoint(tx, now, { keys, oldSize: 0, proof: [], byPeer: true, ...said }))

/** Shows where the peer's log is now, as an honest peer does that remembers what was witnessed at `oldSize`. */
async function show(oldSize: number, said: Shown = {}): Promise<WitnessOutcome> {
  return submit({ oldSize, note: await peer.note(), proof: await peer.proof(oldSize), ...said })
}
const alarms = () => act((tx) => listAlarms(tx, now, { peerId: PEER_ID, openOnly: true }))
const later = (ms: number) => (now = new Date(now.getTime() + ms))
async function announced(): Promise<string[]> {
  const { rows } = await act((tx) => sql<{ subject: string }>`select subject from outbox order by position`.execute(tx))
  return rows.map(({ subject }) => subject.split('.')[2] ?? '')
}
async function witnessedSizes(): Promise<number[]> {
  const { rows } = await act((tx) => sql<{ size: number }>`select size from witnessed order by size`.execute(tx))
  return rows.map(({ size }) => size)
}

test('a log that grows is witnessed step by step, and the same size as often as it is asked for', async () => {
  expect(await (peer.grow(3), show(0))).toMatchObject({ kind: 'witnessed' })
  expect(await (peer.grow(700), show(3))).toMatchObject({ kind: 'witnessed' })
  expect(await show(703)).toMatchObject({ kind: 'witnessed' })
  expect(await witnessedSizes()).toEqual([3, 703])
  expect(await alarms()).toEqual([])
})

test('who does not know what was witnessed last is told, and what it signed for that', async () => {
  peer.grow(3)
  await show(0)
  const note = await peer.note()
  expect(await (peer.grow(2), show(0))).toEqual({ kind: 'conflict', size: 3, note })
  expect(await (peer.grow(2), show(5))).toMatchObject({ kind: 'conflict', size: 3 })
  expect(await witnessedSizes()).toEqual([3])
})

test('of many checkpoints at once each is witnessed on the one before it, and none undoes another', async () => {
  peer.grow(1)
  await show(0)
  peer.grow(20)
  const notes = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => ({ note: await peer.note(2 + n), proof: await peer.proof(1, 2 + n) })),
  )
  const outcomes = await Promise.all(notes.map((shown) => submit({ oldSize: 1, ...shown })))
  expect(outcomes.filter(({ kind }) => kind === 'witnessed')).toHaveLength(1)
  expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(19)
  expect(await witnessedSizes()).toHaveLength(2)
})

test('who comes while another is being witnessed waits for its end, and is told what was witnessed by then', async () => {
  peer.grow(9)
  await submit({ note: await peer.note(1) })
  const [larger, smaller] = [
    { keys, oldSize: 1, note: await peer.note(9), proof: await peer.proof(1, 9), byPeer: false },
    { keys, oldSize: 1, note: await peer.note(4), proof: await peer.proof(1, 4), byPeer: false },
  ]
  const checked = Promise.withResolvers<void>()
  const commit = Promise.withResolvers<void>()
  const first = act(async (tx) => {
    const outcome = await witnessCheckpoint(tx, now, larger)
    checked.resolve()
    await commit.promise
    return outcome
  })
  await checked.promise
  const second = act((tx) => witnessCheckpoint(tx, now, smaller))
  const waiting = sql<{
    n: number
  }>`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted`
  await until(async () => (await waiting.execute(ledger.db)).rows[0]?.n === 1)
  commit.resolve()
  expect((await first).kind).toBe('witnessed')
  expect(await second).toMatchObject({ kind: 'conflict', size: 9 })
})

test('two roots of one size are a fork: refused, kept with both notes, told once, and found again after it was settled', async () => {
  peer.grow(5)
  await show(0)
  const before = await peer.note()
  const outcome = await (peer.rewrite(2), show(5))
  expect(outcome).toMatchObject({ kind: 'forked', size: 5, note: before })
  const [alarm] = await alarms()
  expect(alarm).toMatchObject({ whose: 'theirs', kind: 'fork', firstNote: before, secondNote: await peer.note() })
  await show(5)
  await show(0)
  expect(await alarms()).toHaveLength(1)
  expect(await announced()).toEqual(['fork_detected'])
  await act((tx) => settleAlarm(tx, now, { id: alarm!.id, by: 'operator/alice', note: 'they know' }))
  await show(5)
  expect(await announced()).toEqual(['fork_detected', 'alarm_settled', 'fork_detected'])
})

test('a log that was rewritten and grew cannot show the way, and that is a fork when the peer itself fails to', async () => {
  peer.grow(300)
  await show(0)
  const before = await peer.note()
  const outcome = await (peer.rewrite(17).grow(300), show(300))
  expect(outcome).toMatchObject({ kind: 'forked', size: 300, note: before })
  expect((await alarms())[0]?.detail).toContain('nothing leads from size 300 to size 600')
  expect(await witnessedSizes()).toEqual([300])
})

test('a stranger who makes up a proof raises no alarm; one who brings two truths does', async () => {
  peer.grow(4)
  await show(0)
  peer.grow(4)
  const madeUp = await submit({ oldSize: 4, note: await peer.note(), proof: [Buffer.alloc(32)], byPeer: false })
  expect(madeUp).toMatchObject({ kind: 'inconsistent' })
  const forged = await submit({ note: await peer.note(8, newSigningKey().key), byPeer: false })
  expect(forged).toMatchObject({ kind: 'flawed', flaw: 'unknown-key' })
  expect(await alarms()).toEqual([])
  peer.cutTo(4).rewrite(0)
  expect(await show(4, { byPeer: false })).toMatchObject({ kind: 'forked' })
  expect(await alarms()).toHaveLength(1)
})

test('a log that became shorter may be late, or fetch what it lost; a minute later it is a rollback', async () => {
  peer.grow(9)
  await show(0)
  const before = await peer.note()
  peer.cutTo(7)
  expect(await show(7)).toMatchObject({ kind: 'conflict', size: 9, note: before })
  later(RECOVERY_MS - 1)
  await show(0)
  expect(await alarms()).toEqual([])
  later(1)
  expect(await show(7)).toMatchObject({ kind: 'conflict' })
  expect((await alarms())[0]).toMatchObject({ kind: 'rollback', firstNote: before, secondNote: await peer.note() })
  expect(await announced()).toEqual(['fork_detected'])
})

test('a log that fetched back what it lost and went on is as good as before, however long that took', async () => {
  peer.grow(9)
  await show(0)
  await (peer.cutTo(7), show(7))
  later(RECOVERY_MS / 2)
  await (peer.grow(4), show(9))
  later(RECOVERY_MS)
  await (peer.cutTo(10), show(11))
  later(RECOVERY_MS - 1)
  await show(11)
  expect(await alarms()).toEqual([])
})

test('a short checkpoint that anybody could have kept is no rollback', async () => {
  peer.grow(9)
  await show(0)
  peer.cutTo(7)
  await show(0, { byPeer: false })
  later(10 * RECOVERY_MS)
  await show(0, { byPeer: false })
  expect(await alarms()).toEqual([])
})

test('the head in a heartbeat is compared: the same, ahead, shorter for a minute, or another truth', async () => {
  peer.grow(4)
  const observe = async () => {
    const note = await peer.note()
    return act((tx) => observeHead(tx, now, { peerId: PEER_ID, note }))
  }
  expect(await observe()).toBe('ahead')
  await show(0)
  expect(await observe()).toBe('agrees')
  peer.cutTo(3)
  expect(await observe()).toBe('behind')
  later(RECOVERY_MS)
  expect(await observe()).toBe('behind')
  expect((await alarms()).map(({ kind }) => kind)).toEqual(['rollback'])
  peer.grow(1)
  expect(await (peer.rewrite(3), observe())).toBe('fork')
  expect((await alarms()).map(({ kind }) => kind).toSorted()).toEqual(['fork', 'rollback'])
  expect(await act((tx) => observeHead(tx, now, { peerId: PEER_ID, note: 'nonsense' }))).toBe('unreadable')
})

test.each([
  ['without a signature', (note: string) => note.slice(0, note.indexOf('—'))],
  ['with a leading zero in its size', (note: string) => note.replace('\n3\n', '\n03\n')],
  ['with CRLF', (note: string) => note.replaceAll('\n', '\r\n')],
  ['with a control character', (note: string) => note.replace('\n3\n', '\n3\u0007\n')],
  ['with a sign before its size', (note: string) => note.replace('\n3\n', '\n+3\n')],
  ['of a size beyond counting', (note: string) => note.replace('\n3\n', '\n99999999999999999999\n')],
  ['without its last line end', (note: string) => note.slice(0, -1)],
  ['with an empty line in its middle', (note: string) => note.replace('\n3\n', '\n3\n\n')],
  ['that is no note', () => 'nonsense'],
  ['that is empty', () => ''],
  ['of another size than it was signed for', (note: string) => note.replace('\n3\n', '\n4\n')],
])('a checkpoint %s is not witnessed', async (_what, spoil) => {
  peer.grow(3)
  expect(await submit({ note: spoil(await peer.note()) })).toMatchObject({ kind: 'flawed' })
  expect(await witnessedSizes()).toEqual([])
})

test("a wrong signature of the log's own key is an alarm, and nothing that anybody is suspended for", async () => {
  peer.grow(3)
  expect(await submit({ note: (await peer.note()).replace('\n3\n', '\n4\n') })).toMatchObject({ flaw: 'forged' })
  expect((await alarms()).map(({ kind }) => kind)).toEqual(['unsigned'])
  expect(await announced()).toEqual([])
})

test('17 signatures, and two of one key, are no hindrance; what others wrote under it is not kept', async () => {
  peer.grow(3)
  const note = await peer.note()
  const others = Array.from({ length: 16 }, (_, n) => logSigner(`w${n}.test`, newSigningKey().key))
  const many = signNote(await peer.body(), [...others, logSigner(peer.origin, peer.log.key)])
  expect(await submit({ note: many })).toMatchObject({ kind: 'witnessed', note })
  const twice = note + note.slice(note.indexOf('—'))
  expect(await submit({ oldSize: 3, note: twice })).toMatchObject({ kind: 'witnessed', note })
})

test('an empty log has one root', async () => {
  const note = await peer.note(0)
  expect(await submit({ note })).toMatchObject({ kind: 'witnessed' })
  const wrong = signNote(`${peer.origin}\n0\n${Buffer.alloc(32).toString('base64')}\n`, [
    logSigner(peer.origin, peer.log.key),
  ])
  expect(await submit({ note: wrong })).toMatchObject({ kind: 'forked' })
})

test('from size 0 nothing is to be proven; an old size above the checkpoint is refused', async () => {
  peer.grow(3)
  expect(await submit({ note: await peer.note(), proof: [Buffer.alloc(32)] })).toMatchObject({ kind: 'inconsistent' })
  expect(await submit({ note: await peer.note(), oldSize: 4 })).toMatchObject({ kind: 'backwards' })
})

test('a checkpoint of another log, also of the same platform, is not taken for this one', async () => {
  const other = new TestPeer({ trustDomain: 'c.test' }).grow(3)
  expect(await submit({ note: await other.note() })).toMatchObject({ kind: 'flawed', flaw: 'other-log' })
})

test('the newest statement of keys counts: an older one, another of its number, and one of another platform are refused', async () => {
  const next = newSigningKey()
  const newer = await adopt({ sequence: 2n, logPublicKey: next.publicKey })
  expect(newer.sequence).toBe(2)
  expect(await adopt({ sequence: 2n, logPublicKey: next.publicKey })).toMatchObject({ sequence: 2 })
  await expectRefusal(adopt(), 'LEDGER_KEYS_INVALID')
  await expectRefusal(adopt({ sequence: 2n }), 'LEDGER_KEYS_INVALID')
  await expectRefusal(adopt({ sequence: 3n, platformId: 'a'.repeat(32) }), 'LEDGER_KEYS_INVALID')
  await expectRefusal(adopt({ sequence: 3n, trustDomain: 'c.test' }), 'LEDGER_KEYS_INVALID')
  await expectRefusal(adopt({ sequence: 3n, witnessPublicKey: peer.log.publicKey }), 'LEDGER_KEYS_INVALID')
  const stranger = new TestPeer()
  const forged = act((tx) =>
    adoptKeys(tx, now, { peer: peer.known, ourDomain: TRUST_DOMAIN, statement: stranger.statement({ sequence: 3n }) }),
  )
  await expectRefusal(forged, 'LEDGER_KEYS_INVALID')
  keys = newer
  expect(await (peer.grow(1), show(0))).toMatchObject({ kind: 'flawed', flaw: 'unknown-key' })
  expect(await show(0, { note: await peer.note(1, next.key) })).toMatchObject({ kind: 'witnessed' })
})

test.each([
  ['the neutral element', '0100000000000000000000000000000000000000000000000000000000000000'],
  ['order two', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['order four', '0000000000000000000000000000000000000000000000000000000000000000'],
  ['order eight', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  ['no canonical encoding', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
])('a key that everybody could sign with (%s) is refused', async (_what, hex) => {
  const key = Uint8Array.from(Buffer.from(hex, 'hex'))
  await expectRefusal(adopt({ sequence: 2n, logPublicKey: key }), 'LEDGER_KEYS_INVALID')
  await expectRefusal(adopt({ sequence: 2n, witnessPublicKey: key }), 'LEDGER_KEYS_INVALID')
})

test("a peer that says another's log is its own is not believed, since what we cosign names no key", async () => {
  const liar = new TestPeer({ peerId: '019f0000-0000-7000-8000-00000000bad0' })
  await expectRefusal(adopt({}, liar), 'LEDGER_KEYS_INVALID')
  expect(await (peer.grow(1), show(0))).toMatchObject({ kind: 'witnessed' })
})

test('what was witnessed, and what was found, nobody changes', async () => {
  peer.grow(2)
  await show(0)
  await (peer.rewrite(0), show(2))
  for (const table of ['witnessed', 'alarm', 'peer_keys', 'regression', 'settlement', 'endorsement'])
    for (const change of [`delete from ${table}`, `truncate ${table} cascade`])
      await expect(sql.raw(change).execute(ledger.db)).rejects.toThrow(/denied|refused/)
})
