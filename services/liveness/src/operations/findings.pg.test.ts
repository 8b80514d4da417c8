import { randomUUID } from 'node:crypto'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Checked } from '../findings/commitments.ts'
import type { Found } from '../findings/finding.ts'
import * as commitments from '../store/commitments.ts'
import * as findings from '../store/findings.ts'
import * as scans from '../store/governance-scan.ts'
import type { Tables } from '../store/tables.ts'
import { acknowledgeFinding } from './acknowledge-finding.ts'
import { applyFindings, type Looked } from './apply-findings.ts'
import { forgetFindings } from './forget-findings.ts'
import { announced, at, livenessDatabase, START } from './testing.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await livenessDatabase()
})
afterEach(() => database.drop())

const PEER = randomUUID()
const DAY = 86_400_000
const HOUR = 3_600_000
const found = (said: Partial<Found> = {}): Found => ({
  kind: 'peer_residency_missing',
  severity: 'low',
  peerId: PEER,
  about: '',
  message: 'nobody has said where its data is',
  remedy: 'fedctl residency set',
  waitingOn: 'us',
  payload: { status: 'active' },
  ...said,
})
const checked = (number: number, result: Checked['result'], peerIds: readonly string[] = []): Checked => ({
  number,
  result,
  detail: result === 'broken' ? 'somebody does not' : '',
  breaches: peerIds.map((peerId) => ({ peerId, detail: 'it does not' })),
})

function look(ms: number, all: readonly Found[], said: Partial<Looked> = {}) {
  const looked = {
    asOf: at(ms),
    look: { found: all, unsure: new Set<string>() },
    checked: [],
    peers: 1,
    contract: { version: 1, sha256: 'ab' },
    unread: new Set<never>(),
    peerId: '',
    ...said,
  }
  return inTransaction(database.db, (tx) => applyFindings(tx, at(ms), looked))
}
const listed = (said: Partial<findings.Filter> = {}) => {
  const all = { peerId: '', kind: '', includeClosed: false, unacknowledgedOnly: false, after: undefined, limit: 100 }
  return inTransaction(database.db, (tx) => findings.page(tx, { ...all, ...said }))
}
const news = async () => (await announced(database.db)).map(({ word }) => word)
const acknowledge = (id: string, ms: number, note = 'known', by = 'operator/alice') =>
  inTransaction(database.db, (tx) => acknowledgeFinding(tx, at(ms), { id, note, by }))

test('a finding opens with what was seen, is updated, and closes by itself; of each the news is told once', async () => {
  expect(await look(0, [found()])).toEqual({ opened: 1, closed: 0 })
  expect(await look(1_000, [found()])).toEqual({ opened: 0, closed: 0 })
  const [opened] = await listed()
  expect(opened).toMatchObject({ ...found(), openedAt: START, updatedAt: START, closedAt: null })

  await look(2_000, [found({ message: 'still nobody', payload: { status: 'degraded' } })])
  expect(await listed()).toMatchObject([
    { id: opened?.id, message: 'still nobody', payload: { status: 'degraded' }, openedAt: START, updatedAt: at(2_000) },
  ])

  expect(await look(3_000, [])).toEqual({ opened: 0, closed: 1 })
  expect(await listed()).toEqual([])
  expect(await listed({ includeClosed: true })).toMatchObject([{ id: opened?.id, closedAt: at(3_000) }])
  expect(await look(2 * HOUR, [found()])).toEqual({ opened: 1, closed: 0 }) // it came back after long: another finding
  expect((await listed())[0]?.id).not.toBe(opened?.id)
  expect(await news()).toEqual(['finding_opened', 'finding_closed', 'finding_opened'])
})

test('the news says of which peer it is, how grave, and what was found', async () => {
  await look(0, [found({ kind: 'expired_trust', severity: 'high' })])
  const [finding] = await listed()
  expect(await announced(database.db)).toMatchObject([
    {
      subject: `fed.liveness.finding_opened.${finding?.id}`,
      kind: 'federation.finding.opened',
      severity: 'HIGH',
      peerId: PEER,
      actor: 'service/liveness',
      payload: { finding: { id: finding?.id, kind: 'expired_trust', payload: { status: 'active' } } },
    },
  ])
})

test('what comes and goes with every look is one finding, told of twice an hour at most, with what people said of it', async () => {
  const first = await flap(10)
  await acknowledge(first!.id, 10 * 60_000)
  for (let minute = 11; minute < 180; minute += 1) await look(minute * 60_000, minute % 2 === 0 ? [found()] : [])
  expect(await listed({ includeClosed: true })).toMatchObject([{ id: first?.id, closedAt: null, note: 'known' }])
  expect(await news()).toEqual(['finding_opened', 'finding_closed', 'finding_opened', 'finding_acknowledged'])
  await look(181 * 60_000, [])
  await look(240 * 60_000, [])
  expect(await news()).toHaveLength(5)
  await expect(
    sql`update finding set closed_at = null, reopened_at = ${at(400 * 60_000)}`.execute(database.db),
    'after an hour it is history',
  ).rejects.toThrow('is closed')
})

/** Found in even minutes, and not in odd ones. */
async function flap(minutes: number) {
  for (let minute = 0; minute < minutes; minute += 1) await look(minute * 60_000, minute % 2 === 0 ? [found()] : [])
  return (await listed())[0]
}

test('a look that began earlier writes nothing over a later one', async () => {
  await look(2_000, [])
  expect(await look(3_000, [found()], { asOf: at(1_000) })).toEqual({ opened: 0, closed: 0 })
  expect(await listed()).toEqual([])
})

test('a clock that was set back by an hour stops nobody from looking', async () => {
  await look(3_600_000, [found()])
  expect(await look(0, [found({ message: 'later, by an earlier clock' })])).toEqual({ opened: 0, closed: 0 })
  expect(await listed()).toMatchObject([{ message: 'later, by an earlier clock' }])
  expect(await look(1_000, [])).toEqual({ opened: 0, closed: 1 })
  expect(await look(2_000, [found()])).toEqual({ opened: 1, closed: 0 })
})

test('two that look at once open one finding', async () => {
  const both = await Promise.all([look(1_000, [found()]), look(1_000, [found()])])
  expect(both.reduce((sum, { opened }) => sum + opened, 0)).toBe(1)
  expect(await listed()).toHaveLength(1)
  expect(await news()).toEqual(['finding_opened'])
})

test('a service that did not answer leaves its findings as they were, and is named', async () => {
  await look(0, [found(), found({ kind: 'peer_schema_version_drift' })])
  await look(1_000, [], { unread: new Set(['residencies', 'alarms']) })
  expect(await listed()).toMatchObject([{ kind: 'peer_residency_missing' }])
  const scan = await inTransaction(database.db, (tx) => scans.last(tx))
  expect(scan).toMatchObject({ scannedAt: at(1_000), unread: ['audit-ledger', 'grant-authz'] })
})

test('a look at one peer touches no other, and is no look at all of them', async () => {
  const other = randomUUID()
  await look(0, [found(), found({ peerId: other })])
  expect(await look(1_000, [], { peerId: other, checked: [checked(1, 'kept')] })).toEqual({ opened: 0, closed: 1 })
  expect((await listed()).map(({ peerId }) => peerId)).toEqual([PEER])
  expect(await inTransaction(database.db, (tx) => scans.last(tx))).toMatchObject({ scannedAt: START })
  expect(await inTransaction(database.db, (tx) => commitments.list(tx))).toEqual(new Map())
})

test('somebody acknowledges with a note; the finding stays open, and keeps the note when it reads otherwise', async () => {
  await look(0, [found()])
  const [{ id } = { id: '' }] = await listed()
  await acknowledge(id, 1_000, 'they move on Monday')
  await look(2_000, [found({ message: 'otherwise' })])
  const kept = { message: 'otherwise', acknowledgedBy: 'operator/alice', acknowledgedAt: at(1_000), note: 'they move on Monday', closedAt: null } // prettier-ignore
  expect(await listed()).toMatchObject([kept])
  expect(await listed({ unacknowledgedOnly: true })).toEqual([])
  await acknowledge(id, 3_000, 'on Tuesday', 'operator/bob')
  expect(await listed()).toMatchObject([{ acknowledgedBy: 'operator/bob', note: 'on Tuesday' }])
  expect(await news()).toEqual(['finding_opened', 'finding_acknowledged', 'finding_acknowledged'])
})

test('what is closed, or never was, cannot be acknowledged', async () => {
  await look(0, [found()])
  const [{ id } = { id: '' }] = await listed()
  await look(1_000, [])
  await expectRefusal(acknowledge(id, 2_000), 'FINDING_NOT_FOUND')
  await expectRefusal(acknowledge(randomUUID(), 2_000), 'FINDING_NOT_FOUND')
})

test('the gravest come first, the newest of those equally grave, and pages lose none', async () => {
  const severities = ['low', 'critical', 'medium', 'high', 'low', 'critical', 'high'] as const
  await look(0, severities.map((severity) => found({ severity, peerId: randomUUID() }))) // prettier-ignore
  const all = await listed()
  expect(all.map(({ severity }) => severity)).toEqual(['critical', 'critical', 'high', 'high', 'medium', 'low', 'low'])
  const paged: string[] = []
  for (let after: findings.Place | undefined; ;) {
    const page = await listed({ after, limit: 2 })
    paged.push(...page.map(({ id }) => id))
    after = page.at(-1)
    if (!after) break
  }
  expect(paged).toEqual(all.map(({ id }) => id))
  expect(await listed({ kind: 'expired_trust' })).toEqual([])
  expect(await listed({ peerId: all[0]!.peerId })).toHaveLength(1)
})

test('what closed long ago is forgotten, and what is open never', async () => {
  await look(0, [found(), found({ kind: 'expired_trust' })])
  await look(1_000, [found()])
  const forget = (ms: number) => inTransaction(database.db, (tx) => forgetFindings(tx, at(ms)))
  expect(await forget(89 * DAY)).toBe(0)
  expect(await forget(91 * DAY)).toBe(1)
  expect(await listed({ includeClosed: true })).toMatchObject([{ closedAt: null }])
})

test('a closed finding is history, whoever writes', async () => {
  await look(0, [found()])
  await look(1_000, [])
  const reopen = sql`update finding set closed_at = null`.execute(database.db)
  await expect(reopen).rejects.toThrow(/is closed/)
})

test('commitments say how they stand and with whom, and what is not known now leaves the last breaches be', async () => {
  const stood = async (peerId = '') => {
    const rows = await inTransaction(database.db, async (tx) => ({
      standings: await commitments.list(tx),
      breaches: await commitments.breaches(tx, { peerId, limit: 10 }),
    }))
    const results = [...rows.standings.values()].map(({ result }) => result)
    return { results, breaches: rows.breaches.map(({ number, peerId: id }) => `${number} ${id}`) }
  }
  await look(0, [], { checked: [checked(1, 'broken', [PEER, '']), checked(2, 'kept')] })
  expect(await stood()).toEqual({ results: ['broken', 'kept'], breaches: ['1 ', `1 ${PEER}`] })
  expect(await stood(PEER)).toMatchObject({ breaches: [`1 ${PEER}`] })
  await look(1_000, [], { checked: [checked(1, 'unknown'), checked(2, 'kept')] })
  expect(await stood()).toMatchObject({ results: ['unknown', 'kept'], breaches: ['1 ', `1 ${PEER}`] })
  await look(2_000, [], { checked: [checked(1, 'broken', ['']), checked(2, 'kept')] })
  expect(await stood()).toMatchObject({ breaches: ['1 '] })
  await look(3_000, [], { checked: [checked(1, 'kept'), checked(2, 'kept')] })
  expect(await stood()).toEqual({ results: ['kept', 'kept'], breaches: [] })
})

test('the contract that was named last is named while peer-registry does not answer', async () => {
  await look(0, [], { contract: { version: 1, sha256: 'ab' } })
  await look(1_000, [], { contract: { version: 0, sha256: '' } })
  const scan = await inTransaction(database.db, (tx) => scans.last(tx))
  expect(scan).toMatchObject({ contractVersion: 1, contractSha256: 'ab', scannedAt: at(1_000) })
})
