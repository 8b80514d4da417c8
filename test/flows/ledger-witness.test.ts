import { systemClock } from '@powernode/clock'
import type { Alarm } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { openNote, parseCheckpoint, parseVkey } from '@powernode/tlog'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENCE_MS } from '../eventually.ts'
import { federate, twoPlatforms, type TestPlatform } from '../mesh.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let onA: string
let onB: string
beforeAll(async () => {
  mesh = await twoPlatforms()
  ;({ a, b } = mesh)
  ;({ onA, onB } = await federate(a, b))
})
afterAll(() => mesh?.stop())

async function eventually<T>(read: () => Promise<T | undefined>, what: string): Promise<T> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  while (!giveUp.aborted) {
    const found = await read().catch(() => undefined)
    if (found !== undefined) return found
    await systemClock.sleep(10, giveUp)
  }
  throw new Error(`${what} did not come about`)
}

/** Something is written into the log about a peer. */
let said = 0
async function speakOf(platform: TestPlatform, peerId: string): Promise<void> {
  said += 1
  await platform.peers.updatePeer({ peerId, metadata: { said } })
}

const statusOf = async (platform: TestPlatform, log: string) => (await platform.ledger.listLogs({ log })).logs[0]

/** Until a new entry is signed, and cosigned by the other side. */
async function untilCosigned(platform: TestPlatform, log: string): Promise<void> {
  const before = (await statusOf(platform, log))?.size ?? 0n
  await speakOf(platform, log)
  await eventually(async () => ((await statusOf(platform, log))?.size ?? 0n) > before || undefined, 'the entry')
  await eventually(async () => {
    const { size = 0n, cosignedSize = 0n } = (await statusOf(platform, log)) ?? {}
    return cosignedSize >= size || undefined
  }, 'the cosignature')
}

test("each side cosigns the other's log about it", async () => {
  for (const [platform, log] of [
    [a, onA],
    [b, onB],
  ] as const) {
    await untilCosigned(platform, log)
    await untilCosigned(platform, log) // the second, with keys that are known

    const { checkpoint } = await platform.ledger.getCheckpoint({ log })
    const { peerWitnesses, logs } = await platform.ledger.getLedgerKeys({})
    const keys = [...peerWitnesses, ...logs].filter((key) => key.log === log).map(({ vkey }) => parseVkey(vkey))
    const { body, verified } = openNote(checkpoint, keys)
    expect(verified.map(({ verifier }) => verifier.type).toSorted()).toEqual(['cosignature/v1', 'ed25519'])
    expect(parseCheckpoint(body).origin).toBe(`${platform.platform.trustDomain}/peers/${log}`)
  }
})

test('what one side keeps of its log, and what the other has witnessed of it, is the same', async () => {
  const { size } = (await statusOf(a, onA))!
  const witnessed = await eventually(async () => {
    const status = await statusOf(b, onB)
    return status && status.witnessedSize >= size ? status.witnessedSize : undefined
  }, 'what b has witnessed')
  expect(witnessed).toBeGreaterThanOrEqual(size)
  expect(await b.ledger.listAlarms({})).toMatchObject({ alarms: [] })
  expect(await a.ledger.listAlarms({})).toMatchObject({ alarms: [] })
})

/**
 * As superuser, past every rule: an entry says something else, and so does the tree; what was signed before is gone, so that
 * the platform's own software, which holds it against its tree, signs the new one as if it had always been so.
 */
async function rewrite(platform: TestPlatform, log: string): Promise<void> {
  const client = new pg.Client(platform.platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    const ofLog = '(select id from audit_ledger.log where name = $1)'
    const leaf = `convert_to(replace(convert_from(leaf, 'UTF8'), '"actor":"', '"actor":"service/'), 'UTF8')`
    const { rowCount } = await client.query(
      `update audit_ledger.entry set leaf = ${leaf}, leaf_hash = sha256('\\x00'::bytea || ${leaf})
       where sequence = 1 and log_id = ${ofLog}`,
      [log],
    )
    expect(rowCount).toBe(1)
    for (const table of ['cosignature', 'checkpoint'])
      await client.query(`delete from audit_ledger.${table} where log_id = ${ofLog}`, [log])
  } finally {
    await client.end()
  }
}

test('a platform whose database was rewritten is caught by its peer: with evidence, told to all, and suspended', async () => {
  await a.platform.parts['audit-ledger'].pause()
  await rewrite(a, onA)
  await a.platform.parts['audit-ledger'].resume()
  await speakOf(a, onA)

  const alarm = await eventually(async (): Promise<Alarm | undefined> => {
    const { alarms } = await b.ledger.listAlarms({ openOnly: true })
    return alarms.find(({ whose }) => whose === 'theirs')
  }, 'the alarm')
  expect(alarm).toMatchObject({ peerId: onB, kind: 'fork' })

  // The evidence: two notes of one log, both signed by its own key, which no honest log could have signed.
  const { peerLogs } = await b.ledger.getLedgerKeys({})
  const key = parseVkey(peerLogs.find(({ log }) => log === onB)!.vkey)
  for (const note of [alarm.firstNote, alarm.secondNote])
    expect(parseCheckpoint(openNote(note, [key]).body).origin).toBe(`a.example/peers/${onA}`)

  const suspended = await b.untilState(onB, PeerState.SUSPENDED)
  expect(suspended.reason).toContain(alarm.id)
  const actions = await b.ledgerOf(onB, 'federation.audit.fork_detected')
  expect(actions.filter((action) => action === 'federation.audit.fork_detected')).toHaveLength(1)

  // An operator has looked into it, and lets the peer in again: for this alarm it is not suspended twice.
  const { alarm: settled } = await b.ledger.settleAlarm({ id: alarm.id, note: 'their disk was replaced' })
  expect(settled).toMatchObject({ settledBy: 'operator/admin', settledNote: 'their disk was replaced' })
  // Another size of the rewritten log may have been seen meanwhile: that is an alarm of its own.
  const sizesOf = ({ firstNote, secondNote }: Alarm) =>
    [firstNote, secondNote].map((note) => parseCheckpoint(openNote(note, [key]).body).size).join(' and ')
  const seen = [alarm]
  const settleOthers = async () => {
    const { alarms: open } = await b.ledger.listAlarms({ openOnly: true })
    for (const { id, whose } of open) {
      expect(whose).toBe('theirs')
      await b.ledger.settleAlarm({ id, note: 'the same disk' })
    }
    seen.push(...open)
    return open.length === 0 || undefined
  }
  await eventually(settleOthers, 'an end of alarms')
  expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
  expect(new Set(seen.map(sizesOf)).size).toBe(seen.length)
})
