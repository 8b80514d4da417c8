import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as checkpoints from '../../store/checkpoints.ts'
import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import { LOST } from '../../store/mirror-holds.ts'
import { call } from '../../testing.ts'
import { B_ON_A, grow, noteOf, testSide, type Side } from '../../testing/mirrors.ts'
import { appendEntries } from '../append/append-entries.ts'
import { listAlarms } from '../alarms/list-alarms.ts'
import { raiseContradiction } from '../alarms/raise-contradiction.ts'
import { settleAlarm } from '../alarms/settle-alarm.ts'
import { keepCheckpoints } from './keep-checkpoints.ts'

let side: Side
beforeEach(async () => void (side = await testSide('a.test', B_ON_A)))
afterEach(() => side.drop())

test('a tree that is not the one we signed is an alarm with both notes, told to all once, and its log is on hold', async () => {
  const firstNote = await grow(side, 0, 3)
  const root = Buffer.alloc(32, 7)
  const secondNote = noteOf(side, { size: 3, root })
  const again = () =>
    side.act(async (tx, now) => {
      const log = await logs.find(tx, B_ON_A)
      const signed = { logId: log!.id, size: 3, root, note: secondNote, signedAt: now }
      const { altered } = await keepCheckpoints(tx, now, [signed])
      return { altered, log: log!.id, held: await holds.reasonOf(tx, log!.id) }
    })
  const { altered, log, held } = await again()
  await again()
  expect(altered).toEqual([log])
  expect(held).toContain('not the one that was signed')
  const alarms = await side.act((tx, now) => listAlarms(tx, now, { peerId: B_ON_A, openOnly: true }))
  expect(alarms).toMatchObject([{ whose: 'ours', kind: 'fork', firstNote, secondNote }])
  const { rows } = await side.act((tx) => sql<{ subject: string }>`select subject from outbox`.execute(tx))
  expect(rows.map(({ subject }) => subject)).toEqual([`fed.audit.fork_detected.${alarms[0]!.id}`])
})

test('the log of the platform itself that is not the one we signed is an alarm as well, and goes on once that is settled', async () => {
  const held = async () => {
    const log = await side.act((tx) => logs.find(tx, 'platform'))
    return side.act((tx) => holds.reasonOf(tx, log!.id))
  }
  await side.act((tx, now) => appendEntries(tx, now, [call(1, { log: 'platform' })]))
  const log = await side.act((tx) => logs.find(tx, 'platform'))
  const forged = (size: number) => ({
    logId: log!.id,
    size,
    root: Buffer.alloc(32, 7),
    note: 'a note',
    signedAt: side.clock.now(),
  })
  await side.act((tx, now) => keepCheckpoints(tx, now, [{ ...forged(1), root: Buffer.alloc(32, 1) }]))
  await side.act((tx, now) => keepCheckpoints(tx, now, [forged(1)]))
  expect(await held()).toContain('not the one that was signed')
  const [alarm] = await side.act((tx, now) => listAlarms(tx, now, { peerId: '', openOnly: true }))
  expect(alarm).toMatchObject({ peerId: '', whose: 'ours', kind: 'fork' })
  const settled = { id: alarm!.id, by: 'operator/alice', note: 'restored' }
  await side.act((tx, now) => settleAlarm(tx, now, settled))
  expect(await held()).toBeUndefined()
})

test('what copies of a log say keeps nobody from writing: settling that lets no log go on that waits for something else', async () => {
  await grow(side, 0, 3)
  const log = await side.act((tx) => logs.find(tx, B_ON_A))
  const head = { name: B_ON_A, note: 'a note', cosignatures: [] }
  await side.act((tx, now) => holds.change(tx, { logId: log!.id, held: true, reason: 'a fork' }, now))
  await side.act((tx, now) =>
    raiseContradiction(tx, now, { head, place: 'worm', detail: 'altered', found: 'x\0'.repeat(20_000) }),
  )
  const [alarm] = await side.act((tx, now) => listAlarms(tx, now, { peerId: B_ON_A, openOnly: true }))
  expect([alarm?.kind, alarm?.firstNote.length]).toEqual(['worm', 16_384])
  await side.act((tx, now) => settleAlarm(tx, now, { id: alarm!.id, by: 'operator/alice', note: 'looked' }))
  expect(await side.act((tx) => holds.reasonOf(tx, log!.id))).toBe('a fork')
})

test('copies that are ahead of a log are no alarm while what it lost is fetched, and are one when that takes too long', async () => {
  await grow(side, 0, 3)
  const log = await side.act((tx) => logs.find(tx, B_ON_A))
  const head = { name: B_ON_A, note: 'a note', cosignatures: [] }
  const raised = () =>
    side.act(async (tx, now) => {
      await raiseContradiction(tx, now, { head, place: 'files', detail: 'ahead', found: '' })
      return (await listAlarms(tx, now, { peerId: B_ON_A, openOnly: true })).length
    })
  await side.act((tx, now) => holds.change(tx, { logId: log!.id, held: true, reason: LOST }, now))
  expect(await raised()).toBe(0)
  await side.clock.advance(31_000)
  expect(await raised()).toBe(1)
})

test('what was about to be signed when the database came back without it is not signed', async () => {
  await grow(side, 0, 3)
  const root = Buffer.alloc(32, 7)
  const note = noteOf(side, { size: 5, root })
  const kept = await side.act(async (tx, now) => {
    const log = await logs.find(tx, B_ON_A)
    const { altered } = await keepCheckpoints(tx, now, [{ logId: log!.id, size: 5, root, note, signedAt: now }])
    return { altered, newest: (await checkpoints.newest(tx, log!.id))?.size }
  })
  expect(kept).toEqual({ altered: [], newest: 3 })
})
