import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { createClient } from '@powernode/rpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { federate, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'

let a: TestPlatform
let b: TestPlatform
let toB: Road
beforeAll(async () => {
  toB = await openRoad(() => b.platform.ports.door)
  ;[a, b] = await Promise.all([TestPlatform.start('a'), TestPlatform.start('b', { registry: endpointsOf(toB) })])
})
afterAll(async () => {
  toB?.close()
  await Promise.all([a?.stop(), b?.stop()])
})

/** With owners: Postgres opens only what is its own. */
const copy = (from: string, to: string) => execFileSync('cp', ['-a', from, to])

/** What a gateway writes down about calls, one of two of them told to the peer. */
async function write(log: string, n: number): Promise<void> {
  const ledger = createClient(AuditLedgerService, b.transport('audit-ledger', 'federation-gateway'))
  const entries = Array.from({ length: n }, (_, i) => {
    const id = randomUUID()
    const payload = Buffer.from(`{"n":${i}}`)
    return { id, decisionId: id, log, action: 'federation.call.allowed', direction: 'in', actor: 'platform', payload, disclosed: i % 2 === 0 } // prettier-ignore
  })
  await eventually(
    () => ledger.append({ entries }),
    ({ places }) => places.length === n,
  )
}

const entriesOf = async (log: string) => (await b.ledger.listEntries({ log, limit: 5_000 })).entries
const mirrored = (log: string) =>
  eventually(
    async () => (await b.ledger.listLogs({ log })).logs[0],
    (status) => status !== undefined && status.mirroredSize === status.size,
  )

test('a platform restored from an older backup of its database loses nothing of its peer’s log', async () => {
  const { onA, onB } = await federate(a, b)
  const { dir } = b.platform
  const options = { registry: endpointsOf(toB) }
  const backup = join(dir, 'backup')
  await write(onB, 10)
  await mirrored(onB)
  await b.stop({ keep: true })
  copy(join(dir, 'postgres'), backup)

  b = await TestPlatform.startIn(dir, 'b', options)
  await b.untilState(onB, PeerState.ACTIVE)
  await write(onB, 400)
  const size = Number((await mirrored(onB))?.size)
  const before = await entriesOf(onB)
  await b.stop({ keep: true })

  rmSync(join(dir, 'postgres'), { recursive: true })
  copy(backup, join(dir, 'postgres'))
  b = await TestPlatform.startIn(dir, 'b', options)
  await b.ledgerOf(onB, 'federation.audit.recovered')

  const after = await entriesOf(onB)
  const leaves = (all: typeof after) => all.slice(0, size).map(({ leaf }) => Buffer.from(leaf).toString())
  expect(leaves(after)).toEqual(leaves(before))
  expect((await b.verified(onB))?.intact).toBe(true)
  const lost = after.find(({ payload, payloadSha256 }) => payload.length === 0 && payloadSha256.length > 0)
  expect(lost?.erased?.reason).toContain('lost with an earlier database')
  expect(after.filter(({ payload }) => payload.length > 0).length).toBeGreaterThan(200)

  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  expect((await a.ledger.listAlarms({ peerId: onA })).alarms, 'the peer has seen one history, not two').toEqual([])
  await write(onB, 1)
  await mirrored(onB)
})
